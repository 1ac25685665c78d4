// Writes the contract's schemas as JSON Schema, for documents, SDKs and people's own tools: `schemas/<name>.json`.
// `--check` writes nothing and fails when one of them is stale.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as z from "zod/mini";
import { Batch, EnrichedEvent, Event, FailedEvent, KeyRecord, RequestEnvelope } from "./src/index.ts";

const DIRECTORY = new URL("./schemas/", import.meta.url);

interface SchemaFile {
  name: string;
  title: string;
  schema: z.core.$ZodType;
}

const SCHEMAS: readonly SchemaFile[] = [
  { name: "event", title: "Event as a client sends it", schema: Event },
  { name: "batch", title: "Body of /v1/batch", schema: Batch },
  { name: "request-envelope", title: "Line of the raw stream", schema: RequestEnvelope },
  { name: "enriched-event", title: "Line of the enriched stream", schema: EnrichedEvent },
  { name: "failed-event", title: "Event in the failed-events store", schema: FailedEvent },
  { name: "key-record", title: "What the edge knows of an API key", schema: KeyRecord },
];

/** The files' texts by their names, in a form that does not depend on when or where they are made. */
export function generateSchemas(): Map<string, string> {
  return new Map(
    SCHEMAS.map(({ name, title, schema }) => {
      // As input: a field with a default may be left out.
      const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input", target: "draft-2020-12" });
      const text = JSON.stringify({ $schema, $id: `${name}.json`, title, ...rest }, null, 2);
      return [`${name}.json`, `${text}\n`];
    }),
  );
}

/** Names of the files that are not as they would be written now. */
export function staleSchemas(): string[] {
  return [...generateSchemas()].filter(([name, text]) => readSchema(name) !== text).map(([name]) => name);
}

function readSchema(name: string): string | null {
  try {
    return readFileSync(new URL(name, DIRECTORY), "utf8");
  } catch {
    return null; // Not there: stale.
  }
}

export function writeSchemas(): void {
  mkdirSync(DIRECTORY, { recursive: true });
  for (const [name, text] of generateSchemas()) writeFileSync(new URL(name, DIRECTORY), text);
}

function main(args: readonly string[]): void {
  if (!args.includes("--check")) return writeSchemas();
  const stale = staleSchemas();
  if (stale.length === 0) return;
  console.error(`Stale: ${stale.map((name) => `contract/schemas/${name}`).join(", ")}. Run \`npm run generate\`.`);
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
