// Writes edge/src/gateway/openapi.generated.json, which the Worker serves as /openapi.json. `--check` writes nothing and fails
// if the file is stale.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openApiDocument } from "./document.ts";

const FILE = new URL("../edge/src/gateway/openapi.generated.json", import.meta.url);

function main(args: readonly string[]): void {
  const text = `${JSON.stringify(openApiDocument(), null, 1)}\n`;
  if (!args.includes("--check")) return writeFileSync(FILE, text);
  if (readFileSync(FILE, "utf8") === text) return;
  console.error("Stale: edge/src/gateway/openapi.generated.json. Run `npm run generate`.");
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
