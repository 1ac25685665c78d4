// The settings of a start: flags, `.env`, the environment, and the secrets that the first start creates and keeps.

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs, parseEnv } from "node:util";
import { readJsonFile, writeDurably } from "../../local/durable.ts";

export const USAGE = `npm start [-- --help]

Runs the whole pipeline on this machine: the edge (workerd), the functions, and embedded Kinesis, DynamoDB, S3 and
TimescaleDB, unless the environment names a replacement. Ctrl-C stops everything; the next start continues with the same data.

Set in the environment or in .env (the environment wins); .env.example explains each variable:
  PORT                8787    port of the edge and the pages
  DATA_DIR            .data   folder of all data: stores, checkpoints, secrets, keys, logs
  KINESIS_ENDPOINT            a Kinesis that replaces the embedded Kinesis
  DYNAMODB_ENDPOINT           a DynamoDB that replaces the embedded DynamoDB
  S3_ENDPOINT                 an S3 that replaces the embedded S3
  DATABASE_URL                a Postgres with TimescaleDB that replaces the embedded database
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
`;

/** A mistake of the person who starts the pipeline. It is shown without a stack. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}

export interface Settings {
  port: number;
  dataDir: string;
  /** Variables of `.env` and the environment, without empty ones. */
  environment: Record<string, string>;
}

/**
 * Undefined when help was requested.
 * @throws {StartRefused}
 */
export function readSettings(argv: readonly string[], root: string): Settings | undefined {
  let help: boolean | undefined;
  try {
    help = parseArgs({ args: [...argv], options: { help: { type: "boolean", short: "h" } } }).values.help;
  } catch (fault) {
    throw new StartRefused(`${(fault as Error).message}\n\n${USAGE}`);
  }
  if (help === true) return undefined;
  const environment = { ...withoutEmpty(readDotEnv(join(root, ".env"))), ...withoutEmpty(process.env) };
  const port = Number(environment.PORT ?? "8787");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new StartRefused(`PORT is ${environment.PORT}; it must be a number from 1 to 65535`);
  }
  return { port, dataDir: resolve(root, environment.DATA_DIR ?? ".data"), environment };
}

function readDotEnv(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new StartRefused(`${path} cannot be read: ${(fault as Error).message}`);
  }
}

function withoutEmpty(variables: NodeJS.Dict<string>): Record<string, string> {
  const entries = Object.entries(variables).filter((entry): entry is [string, string] => (entry[1] ?? "") !== "");
  return Object.fromEntries(entries);
}

/**
 * Creates the folder.
 * @throws {StartRefused} when the folder cannot be created.
 */
export function makeDataFolder(dataDir: string): void {
  try {
    mkdirSync(join(dataDir, "logs"), { recursive: true, mode: 0o700 });
  } catch (fault) {
    throw new StartRefused(`DATA_DIR ${dataDir} cannot be used: ${(fault as Error).message}`);
  }
}

const SECRET_NAMES = ["INTERNAL_SECRET", "SESSION_SECRET", "LEDGER_SECRET", "VAULT_HMAC_KEY"] as const;
const AWS_NAMES = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] as const;
export type Secrets = Record<(typeof SECRET_NAMES)[number] | (typeof AWS_NAMES)[number], string>;

/**
 * Created once and kept in `secrets.json`, which only its owner can read. The file is complete on disk before anything uses the
 * secrets. The vault's key cannot be replaced: without it nobody knows to whom the vault's entries belong. The ledger's key
 * cannot be replaced either: without it nobody knows which people refused consent. Values in the environment take precedence and
 * are not written to the file.
 * @throws {StartRefused} when the file exists but does not hold what a start has written.
 */
export function readSecrets(dataDir: string, environment: Record<string, string>): Secrets {
  const path = join(dataDir, "secrets.json");
  const kept = readSecretsFile(path);
  const all: Record<string, string> = { ...kept };
  for (const name of SECRET_NAMES) all[name] ??= randomBytes(32).toString("hex");
  all.AWS_ACCESS_KEY_ID ??= `LOCAL${randomBytes(8).toString("hex").toUpperCase()}`;
  all.AWS_SECRET_ACCESS_KEY ??= randomBytes(24).toString("hex");
  if (Object.keys(all).length !== Object.keys(kept).length) {
    writeDurably(path, `${JSON.stringify(all, null, 2)}\n`, 0o600);
  }
  const given = Object.fromEntries(
    SECRET_NAMES.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
  );
  // The two values form a pair. A pair with one value from the environment would never produce a valid signature.
  const awsGiven = AWS_NAMES.every((name) => environment[name] !== undefined);
  const aws = awsGiven ? Object.fromEntries(AWS_NAMES.map((name) => [name, environment[name] as string])) : {};
  return { ...all, ...given, ...aws } as Secrets;
}

function readSecretsFile(path: string): Record<string, string> {
  let value: unknown;
  try {
    value = readJsonFile(path) ?? {};
  } catch (fault) {
    throw new StartRefused(
      `${path} cannot be read (${(fault as Error).message}); it is not replaced, because data depends on it`,
    );
  }
  const isComplete =
    typeof value === "object" && value !== null && Object.values(value).every((v) => typeof v === "string");
  if (!isComplete) throw new StartRefused(`${path} was not written by a start; restore it, or move DATA_DIR away`);
  return value as Record<string, string>;
}
