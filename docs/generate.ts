// The tables of docs/API_DOCUMENTATION.md, written from the contract, so that a limit or a code is defined in one place only.
// Each table is between two comments that name it. Run by scripts/generate.ts.

import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ERRORS, FAILURES, LIMITS, REJECTIONS, STORE_COLUMNS, TUNINGS, WARNINGS } from "../contract/src/index.ts";
import { adrIndex } from "./adr-index.ts";
import { limitsDocument } from "./limits-document.ts";
import { map } from "./map.ts";
import { cell, quantity } from "./words.ts";

const DOCUMENTS: readonly [string, (before: string) => string][] = [
  ["API_DOCUMENTATION.md", fillIn],
  ["LIMITS.md", limitsDocument],
  ["MAP.md", map],
  ["adr/README.md", adrIndex],
];

type LimitName = keyof typeof LIMITS;

/** The limits that a client meets, in the client's words. All other limits are internal to the pipeline. */
const CLIENT_LIMITS: Partial<Record<LimitName, string>> = {
  bodyBytes: "Body, plain or decompressed. The size of the events with the batch's context merged in counts too",
  bodyCompressedBytes: "Body, compressed",
  eventsPerRequest: "Events in a request",
  eventBytes: "One event, in bytes of its text as sent",
  depth: "Depth of an event. The event itself has depth 1",
  keysPerObject: "Keys in an object",
  nodesPerEvent: "JSON values in an event, objects and arrays included",
  keysPerRequest: "Different keys in all events of a request. Events with further keys are rejected",
  openingsParsed: "Objects and arrays in all events of a request. Further events are rejected",
  keyLength: "Length of a key, in UTF-16 units",
  stringLength: "Length of a string, in UTF-16 units. Longer strings are cut",
  messageIdLength: "Length of a `messageId`",
  idLength: "Length of `userId`, `anonymousId`, `groupId`, `previousId`",
  eventNameLength: "Length of an event's name",
  warningsPerEvent: "Warnings for one event",
  warningsPerRequest: "Warnings in an answer",
  pointerLength: "Length of a pointer. Longer pointers are cut",
  pixelDataBytes: "`data` of the pixel, after decoding",
  clockSkewToleratedMs: "Clock difference up to which `timestamp` is not corrected",
  futureToleratedMs: "How far after its receipt a `timestamp` may be",
  pastToleratedMs: "How far before its receipt a `timestamp` may be, except on `/v1/import` with a secret key",
  dedupeWindowMs: "A `messageId` that arrives again within this time counts once",
  queryEventsMax: "Events on a page of `GET /v1/events`, maximum",
  queryTopMax: "Values of `GET /v1/query/top`",
  queryBuckets: "Buckets of `GET /v1/query/trend`",
  realtimeMinutesMax: "Minutes of `GET /v1/query/realtime`",
  rotationOverlapHours: "How long the old key stays valid after a rotation, by default (`overlapHours`)",
  sessionMs: "A session of the dashboard",
};

const TABLES: Record<string, () => string[]> = {
  errors: () => [
    "| status | code | send again? | meaning |",
    "| --- | --- | --- | --- |",
    ...Object.entries(ERRORS).map(
      ([code, { status, retryable, message }]) =>
        `| ${status} | \`${code}\` | ${retryable ? "yes" : "no"} | ${cell(message)} |`,
    ),
  ],
  rejections: () => codes(REJECTIONS),
  warnings: () => codes(WARNINGS),
  failures: () => codes(FAILURES),
  limits: () => [
    "| limit | value |",
    "| --- | --- |",
    ...Object.entries(CLIENT_LIMITS).map(
      ([name, words]) => `| ${cell(words)} | ${quantity(name, LIMITS[name as LimitName])} |`,
    ),
    `| Events on a page of \`GET /v1/events\`, by default (\`limit\`) | ${TUNINGS.queryEventsDefault} |`,
  ],
  columns: () => [
    "| column | type | may be null |",
    "| --- | --- | --- |",
    ...STORE_COLUMNS.map(({ column, kind, nullable }) => `| \`${column}\` | ${kind} | ${nullable ? "yes" : "no"} |`),
  ],
};

/**
 * Writes the tables. With `check` it only compares.
 * @returns the files that were out of date (with `check`: are out of date), relative to the repository.
 * @throws when a table has no place in the document, or a place has no table.
 */
export async function run({ check }: { check: boolean }): Promise<string[]> {
  const stale: string[] = [];
  for (const [document, make] of DOCUMENTS) {
    const before = await readFile(new URL(document, import.meta.url), "utf8").catch(() => "");
    const after = make(before);
    if (after === before) continue;
    if (!check) await writeFile(new URL(document, import.meta.url), after);
    stale.push(`docs/${document}`);
  }
  return stale;
}

const PLACE = /(<!-- generated: (\w+) -->)[\s\S]*?(<!-- \/generated -->)/g;

function fillIn(document: string): string {
  const missing = new Set(Object.keys(TABLES));
  const filled = document.replace(PLACE, (_whole, start: string, name: string, end: string) => {
    const table = TABLES[name];
    if (table === undefined) throw new Error(`there is no table "${name}" to generate`);
    missing.delete(name);
    return `${start}\n\n${table().join("\n")}\n\n${end}`;
  });
  if (missing.size > 0) throw new Error(`API_DOCUMENTATION.md has no place for ${[...missing].join(", ")}`);
  return filled;
}

function codes(table: Record<string, string>): string[] {
  return [
    "| code | meaning |",
    "| --- | --- |",
    ...Object.entries(table).map(([code, words]) => `| \`${code}\` | ${cell(words)} |`),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  const stale = await run({ check });
  for (const path of stale) console.log(check ? `${path} is out of date: npm run generate` : `wrote ${path}`);
  if (check && stale.length > 0) process.exitCode = 1;
}
