// Runs one program to its end for the scripts here. The workspace's own tools come first on the PATH, so every child gets the
// Node and the versions from the lockfile, whoever started the script.

import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface CommandOptions {
  /** Relative to the repository. */
  cwd?: string;
  env?: Record<string, string>;
  /** At this time the program is killed and counts as failed. */
  deadlineMs: number;
  /** `show`: to the terminal as it arrives. `keep`: returned in `output`. */
  output: "show" | "keep";
}

export interface CommandResult {
  /** Null when the program was killed or could not be started. */
  exitCode: number | null;
  /** Both streams in the order of arrival. Empty with `show`. */
  output: string;
  /** The reason for a missing exit code. */
  problem: string | null;
  durationMs: number;
}

const KILL_AFTER_MS = 5_000;

/** Never throws. A missing program is a result with a `problem`. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const startedMs = performance.now();
  const child = spawn(program, args, {
    cwd: join(ROOT, options.cwd ?? "."),
    env: { ...process.env, ...options.env, PATH: searchPath(options.cwd) },
    stdio: options.output === "show" ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => chunks.push(chunk));

  let problem: string | null = null;
  let killTimer: NodeJS.Timeout | undefined;
  const deadline = setTimeout(() => {
    problem = `not finished after ${Math.round(options.deadlineMs / 1_000)} s`;
    child.kill("SIGTERM");
    killTimer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
  }, options.deadlineMs);
  const exitCode = await new Promise<number | null>((resolve) => {
    child.once("error", (fault) => {
      problem = fault.message;
      resolve(null);
    });
    child.once("close", (code, signal) => {
      if (signal !== null) problem ??= `ended by ${signal}`;
      resolve(code);
    });
  });
  clearTimeout(deadline);
  clearTimeout(killTimer);
  const output = Buffer.concat(chunks).toString("utf8");
  return { exitCode: problem === null ? exitCode : null, output, problem, durationMs: performance.now() - startedMs };
}

/** The package's own tools, then the workspace's, then the system's. */
function searchPath(cwd = "."): string {
  const folders = [join(ROOT, cwd, "node_modules/.bin"), join(ROOT, "node_modules/.bin"), process.env.PATH ?? ""];
  return folders.join(delimiter);
}

export function formatDuration(ms: number): string {
  return ms < 60_000
    ? `${(ms / 1_000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}
