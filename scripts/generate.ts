// Runs every generator of the repository in the order of their dependencies. With `--check` no generator writes, and the command
// fails if a generator finds a file that is out of date. `npm run generate`.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * A package's generator is the file `generate.ts` at its top. The contract's generator comes first, because other generators read
 * its schemas.
 */
const PACKAGES = ["contract", "edge", "backend", "openapi", "sdk", "docs", "terraform"];

function generators(): string[] {
  const nested = PACKAGES.flatMap((name) => [name, ...children(name)]);
  return nested.map((name) => `${name}/generate.ts`).filter((path) => existsSync(`${ROOT}${path}`));
}

function children(directory: string): string[] {
  if (!existsSync(`${ROOT}${directory}`)) return [];
  return readdirSync(`${ROOT}${directory}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
    .map((entry) => `${directory}/${entry.name}`)
    .sort();
}

let failed = false;
for (const path of generators()) {
  const { status } = spawnSync(process.execPath, [`${ROOT}${path}`, ...process.argv.slice(2)], { stdio: "inherit" });
  console.log(`${status === 0 ? "ok    " : "failed"} ${path}`);
  if (status !== 0) failed = true;
}
if (failed) process.exitCode = 1;
