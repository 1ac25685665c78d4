// What the suite knows of a client library: how to get it, and how to run a program that sends one event of each type with it.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Target {
  host: string;
  writeKey: string;
}

export interface Library {
  name: string;
  /** Fetches what it needs, once. @returns why it can't run on this machine, or null. */
  prepare(): Promise<string | null>;
  /** Resolves once the library says that everything was delivered, or (in a page) taken. @throws when it says otherwise. */
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

/** Never rejects: a program that is not there has code null. */
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

/** Runs a client program to its end. @throws with its output when it does not end with 0. */
export async function runClient(
  program: string,
  args: readonly string[],
  { host, writeKey }: Target,
  env: Record<string, string> = {},
): Promise<void> {
  const { code, output } = await run(program, args, { env: { HOST: host, WRITE_KEY: writeKey, ...env } });
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output}`);
}

/** A library for Node: the program in clients/ under this Node. */
export function nodeLibrary(name: string, program: string): Library {
  return {
    name,
    prepare: () => Promise.resolve(null),
    send: (target) => runClient(process.execPath, [clientPath(program)], target),
  };
}
