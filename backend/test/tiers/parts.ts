// Starts the embedded parts in processes of their own, as `npm start` does, so that a measurement does not include the emulators.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReadyMessage } from "../../../local/supervised.ts";
import { type Config, readConfig } from "../../src/config.ts";

const AWS_PARTS = ["kinesis", "dynamodb", "s3"];
const LOCAL = join(import.meta.dirname, "../../../local");

export interface Parts {
  config: Config;
  environment: Record<string, string>;
  folder: string;
  /** The process ids of the emulators and of the database. */
  pids: number[];
  stop(): Promise<void>;
}

/** Starts a child that ends when this process ends in any way. Resolves when the child is ready. */
async function start(script: string, args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [join(LOCAL, script), ...args], {
    env,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [ready] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => {
      throw new Error(`${script} ended before it served`);
    }),
  ]);
  return { child, result: (ready as ReadyMessage).result };
}

/** Starts the named functions of the stream in one process, on these parts. */
export async function startFunctions(parts: Parts, names: readonly string[], more: Record<string, string>) {
  return (await start("functions.ts", names, { ...parts.environment, ...more })).child;
}

/** @param dataDir kept if given, otherwise a temporary folder. With an empty `wanted`, only the database starts. */
export async function startParts(dataDir?: string, wanted: readonly string[] = AWS_PARTS): Promise<Parts> {
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), "tiers-"));
  const credentials = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };
  const base = { PATH: process.env["PATH"] ?? "", DATA_DIR: folder, ...credentials };
  Object.assign(process.env, credentials);
  const [aws, database] = await Promise.all([start("aws.ts", wanted, base), start("postgres.ts", [], base)]);
  const environment = {
    ...base,
    KINESIS_ENDPOINT: aws.result["kinesis"] ?? "",
    DYNAMODB_ENDPOINT: aws.result["dynamodb"] ?? "",
    S3_ENDPOINT: aws.result["s3"] ?? "",
    DATABASE_URL: database.result["database"] ?? "",
  };
  return {
    config: readConfig(environment),
    environment,
    folder,
    pids: [aws.child.pid ?? 0, database.child.pid ?? 0],
    stop: async () => {
      await Promise.all([aws.child, database.child].map(end));
      if (dataDir === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}
