// `npm start`: the whole pipeline on one machine. Starts the parts in order, supervises them, and ends all of them together. If a
// part keeps crashing, the whole pipeline ends with a non-zero exit code, so it is never partly running.

import { realpathSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Child } from "./start/child.ts";
import { type DevelopmentKeys, Pipeline } from "./start/children.ts";
import { compileCacheFolder, fillCompileCache } from "./start/compile-cache.ts";
import { endLeftovers } from "./start/leftovers.ts";
import { FolderInUse, lockFolder } from "./start/lock.ts";
import { isPortFree } from "./start/ports.ts";
import { bold, dim, red, say, seconds, warn } from "./start/progress.ts";
import { makeDataFolder, readSecrets, readSettings, type Settings, StartRefused, USAGE } from "./start/settings.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NODE_MAJOR_MIN = 22;
/** npm forwards the terminal's Ctrl-C, so one press arrives twice. */
const SAME_PRESS_MS = 1_000;

async function main(): Promise<void> {
  const startMs = performance.now();
  checkNode();
  becomeSmall();
  const settings = readSettings(process.argv.slice(2), ROOT);
  if (settings === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  makeDataFolder(settings.dataDir);
  settings.dataDir = realpathSync(settings.dataDir);
  await takeFolderAndPort(settings);
  const secrets = readSecrets(settings.dataDir, settings.environment);

  const pipeline: Pipeline = new Pipeline(settings, secrets, ROOT, {
    onDeath: (child, reason, delayMs) => warn(`${child.name} ${reason}; restarting it in ${seconds(delayMs)}`),
    onGivenUp: (child, reason) => endAll(pipeline, child, reason),
  });
  stopOnSignals(pipeline);
  const keys = await pipeline.start().catch((fault: unknown) => {
    if (stopping) return undefined;
    pipeline.kill();
    throw fault;
  });
  if (keys === undefined || stopping) return;
  sayReady(settings, keys, performance.now() - startMs);
}

function checkNode(): void {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= NODE_MAJOR_MIN) return;
  throw new StartRefused(
    `this is Node ${process.versions.node}, and ${NODE_MAJOR_MIN} or newer is needed. Use "npm start", which brings its own Node on Linux.`,
  );
}

/**
 * Continues as the same process with a compile cache and a small heap. The compiler that strips types is loaded to read this
 * file. The compiler and a heap sized for this machine would otherwise use 50 MB for as long as the pipeline runs.
 */
function becomeSmall(): void {
  if (process.env.NODE_COMPILE_CACHE !== undefined || process.execve === undefined || process.platform !== "linux")
    return;
  const flags = ["--max-semi-space-size=1", "--max-old-space-size=128", "--disable-warning=ExperimentalWarning"];
  fillCompileCache(ROOT);
  const environment = { ...process.env, NODE_COMPILE_CACHE: compileCacheFolder(ROOT) };
  process.execve(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], environment);
}

/** Checks both before anything is started. */
async function takeFolderAndPort({ dataDir, port }: Settings): Promise<void> {
  try {
    await lockFolder(dataDir, `process ${process.pid} at http://localhost:${port}`);
  } catch (fault) {
    if (!(fault instanceof FolderInUse)) throw fault;
    throw new StartRefused(
      `the pipeline already runs on ${dataDir}: ${fault.holder}.\nStop it first, or set DATA_DIR and PORT to start a second pipeline.`,
    );
  }
  const ended = await endLeftovers(dataDir);
  if (ended > 0) say(dim(`ended ${ended} processes that an earlier start had left behind`));
  const isFree = async () => (await isPortFree(port)) && (await isPortFree(port, "0.0.0.0"));
  // The kernel may close a port a short time after its process has ended.
  for (let look = 0; ended > 0 && look < 20 && !(await isFree()); look++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  if (!(await isFree())) {
    throw new StartRefused(
      `port ${port} is taken by another program. Set PORT to a free one: PORT=${port + 1} npm start`,
    );
  }
}

let stopping = false;
let stopAskedMs = 0;

function stopOnSignals(pipeline: Pipeline): void {
  const onSignal = (signal: NodeJS.Signals) => {
    const nowMs = Date.now();
    if (!stopping) {
      stopping = true;
      stopAskedMs = nowMs;
      say(dim("stopping …"));
      pipeline.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    } else if (signal === "SIGINT" && nowMs - stopAskedMs > SAME_PRESS_MS) {
      pipeline.kill();
      process.exit(130);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  process.on("exit", () => pipeline.kill());
}

function endAll(pipeline: Pipeline, child: Child, reason: string): void {
  if (stopping) return;
  stopping = true;
  pipeline.kill();
  warn(`${red("✗")} ${child.name} ${reason}. Its last lines (full log: ${child.log.path}):`);
  for (const line of child.log.lastLines) warn(`    ${line}`);
  warn("everything has been stopped");
  process.exit(1);
}

function sayReady({ port, dataDir }: Settings, keys: DevelopmentKeys, tookMs: number): void {
  const origin = `http://localhost:${port}`;
  const folder = relative(process.cwd(), dataDir) || ".";
  say("");
  say(`${bold(`ready ${origin}`)} ${dim(`after ${seconds(tookMs)}`)}`);
  say(`  dashboard    ${origin}/#key=${keys.secretKey}`);
  say(`  demo shop    ${origin}/demo`);
  say(`  API          ${origin}/docs`);
  say(`  public key   ${keys.publicKey}`);
  say(`  secret key   ${keys.secretKey}`);
  say(
    dim(
      `  keys in ${folder}/dev-keys.json, stores in ${folder}/endpoints.json, logs in ${folder}/logs; press Ctrl-C to stop`,
    ),
  );
}

main().catch((fault: unknown) => {
  if (fault instanceof StartRefused) warn(`${red("✗")} ${fault.message}`);
  else warn(`${red("✗")} the start failed: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exit(1);
});
