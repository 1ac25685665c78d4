// The suite's description of a client library: how to get it, and how to run a program that sends one event of each type with it.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Target {
  host: string;
  writeKey: string;
}

export interface Library {
  name: string;
  /**
   * Downloads the library's files, once.
   * @returns the reason why the library cannot run on this machine, or null.
   */
  prepare(): Promise<string | null>;
  /**
   * Resolves when the library reports that every event was delivered, or (in a page) accepted.
   * @throws when it reports something else.
   */
  send(target: Target): Promise<void>;
  release?(): Promise<void>;
}

export interface Run {
  code: number | null;
  output: string;
}

export function clientPath(name: string): string {
  return fileURLToPath(new URL(`clients/${name}`, import.meta.url));
}

/** Never rejects. A missing program has the code null. */
export async function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; deadlineMs?: number } = {},
): Promise<Run> {
  const { cwd, env, deadlineMs = 230_000 } = options;
  const child = spawn(program, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: deadlineMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  const collect = (chunk: Buffer) => (output = (output + chunk.toString("utf8")).slice(-20_000));
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  return new Promise((resolve) => {
    child.once("error", (fault) => resolve({ code: null, output: String(fault) }));
    child.once("close", (code) => resolve({ code, output }));
  });
}

/**
 * Runs a client program to its end.
 * @throws with its output when the exit code is not 0.
 */
export async function runClient(
  program: string,
  args: readonly string[],
  { host, writeKey }: Target,
  env: Record<string, string> = {},
): Promise<void> {
  const { code, output } = await run(program, args, { env: { HOST: host, WRITE_KEY: writeKey, ...env } });
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output}`);
}

/** A library for Node: runs the program in clients/ under this Node. */
export function nodeLibrary(name: string, program: string): Library {
  return {
    name,
    prepare: () => Promise.resolve(null),
    send: (target) => runClient(process.execPath, [clientPath(program)], target),
  };
}
