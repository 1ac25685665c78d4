// The compile cache that all processes of a start share. A process that finds a TypeScript file in the cache does not need the
// compiler that strips types. That compiler is itself compiled from WebAssembly and costs each of the seven processes 25 MB
// permanently and half a second.
//
// The cache is filled before the first process starts. All imports of a module are loaded and compiled before any of them runs,
// and they run in order. A module whose first import ends the process therefore compiles the other imports without running them.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const SOURCES = ["backend", "contract/src", "local", "scripts"];
const NO_SOURCES = new Set(["node_modules", "test", "migrations"]);
const ENTRIES = [
  "scripts/start.ts",
  "scripts/start/guard.ts",
  "local/aws.ts",
  "local/postgres.ts",
  "local/functions.ts",
  "local/setup.ts",
  "backend/src/cli/main.ts",
  "local/edge/dev.ts",
];
const FUNCTIONS = "backend/src/lambdas";
const FLUSH_AND_EXIT = `data:text/javascript,${encodeURIComponent(
  'import { flushCompileCache } from "node:module"; flushCompileCache(); process.exit(0);',
)}`;

export function compileCacheFolder(root: string): string {
  return join(root, "node_modules/.cache/node");
}

/** Fills the cache when a source is newer than the cache. If filling fails, everything still works but uses more memory. */
export function fillCompileCache(root: string): void {
  const folder = compileCacheFolder(root);
  const stamp = join(folder, "filled");
  const filledMs = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (SOURCES.every((source) => newestMs(join(root, source)) <= filledMs)) return;
  const startedAt = new Date();
  // Entries of older sources are never read again.
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const functions = readdirSync(join(root, FUNCTIONS)).map((name) => join(FUNCTIONS, name));
  const imports = [...ENTRIES, ...functions].map((path) => pathToFileURL(join(root, path)).href);
  const source = [FLUSH_AND_EXIT, ...imports].map((specifier) => `import ${JSON.stringify(specifier)};`).join("\n");
  const run = spawnSync(process.execPath, ["--input-type=module", "--eval", source], {
    env: { ...process.env, NODE_COMPILE_CACHE: folder },
    stdio: "ignore",
    timeout: 30_000,
  });
  if (run.status !== 0) return;
  writeFileSync(stamp, "");
  utimesSync(stamp, startedAt, startedAt);
}

function newestMs(folder: string): number {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (NO_SOURCES.has(entry.name)) continue;
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : statSync(path).mtimeMs);
  }
  return newest;
}
