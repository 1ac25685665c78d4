// The compile cache that all processes of a start share. A process that finds a TypeScript file in it needs no compiler to
// strip the types, which is itself compiled from WebAssembly: 25 MB and half a second in each of seven processes, for good.
//
// It is filled before the first of them starts. A module's imports are all loaded and compiled before any of them runs, and
// they run in order: so a module whose first import ends the process compiles the others without running them.

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

/** Fills the cache when a source is younger than it. Without success everything works too, only larger. */
export function fillCompileCache(root: string): void {
  const folder = compileCacheFolder(root);
  const stamp = join(folder, "filled");
  const filledMs = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (SOURCES.every((source) => newestMs(join(root, source)) <= filledMs)) return;
  const startedAt = new Date();
  // What it holds of older sources is never asked for again.
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
