// Builds the static files that the Worker serves: first the SDK, then the pages (web/). A result that is newer than its sources
// is not built again. Called by scripts/start.ts, or run alone: `node scripts/build-pages.ts`.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STAMPS = join(ROOT, "node_modules", ".built");
const NO_SOURCES = new Set(["node_modules", "dist", "test", "coverage"]);

interface Build {
  name: string;
  folder: string;
  command: string[];
  /** Folders of the source files. */
  sources: string[];
  result: string;
}

const BUILDS: Build[] = [
  {
    name: "sdk",
    folder: join(ROOT, "sdk/javascript"),
    command: ["tsdown", "--logLevel", "warn"],
    sources: ["sdk/javascript"],
    result: "dist/analytics.iife.js",
  },
  {
    name: "pages",
    folder: join(ROOT, "web"),
    command: ["vite", "build", "--logLevel", "warn"],
    sources: ["web", "sdk/javascript"],
    result: "dist/index.html",
  },
];

/**
 * Resolves with the names of the built packages.
 * @throws with the build's output when a build fails.
 */
export async function buildPages(): Promise<string[]> {
  const built: string[] = [];
  for (const build of BUILDS) {
    if (!existsSync(join(build.folder, "package.json"))) {
      console.warn(`${build.folder} is not a package, so it was not built`);
    } else if (isStale(build)) {
      await run(build);
      built.push(build.name);
    }
  }
  return built;
}

function isStale({ name, folder, sources, result }: Build): boolean {
  // Compares with the stamp and not with the result, because a build that was killed halfway leaves a result too.
  const stamp = statSync(join(STAMPS, name), { throwIfNoEntry: false });
  if (stamp === undefined || !existsSync(join(folder, result))) return true;
  return sources.some((source) => newestMs(join(ROOT, source)) > stamp.mtimeMs);
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

async function run({ name, folder, command }: Build): Promise<void> {
  const startedAt = new Date();
  mkdirSync(STAMPS, { recursive: true });
  rmSync(join(STAMPS, name), { force: true });
  const [program, ...args] = command as [string, ...string[]];
  const path = [dirname(process.execPath), process.env.PATH ?? ""].join(delimiter);
  const child = spawn(join(folder, "node_modules/.bin", program), args, {
    cwd: folder,
    env: { ...process.env, PATH: path, NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`building ${name} failed (${code}):\n${output.slice(-4_000)}`);
  const stamp = join(STAMPS, name);
  writeFileSync(stamp, "");
  // The stamp gets the time when the build began, so a source that was saved during the build is newer.
  utimesSync(stamp, startedAt, startedAt);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await buildPages()).join(" ") || "up to date");
