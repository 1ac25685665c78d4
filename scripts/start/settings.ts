// What the start is told: flags, `.env`, the environment, and the secrets it makes once and keeps.

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs, parseEnv } from "node:util";
import { readJsonFile, writeDurably } from "../../local/durable.ts";

export const USAGE = `npm start [-- --help]

Runs the whole pipeline on this machine: the edge (workerd), the functions, and for whatever the environment does not
replace, embedded Kinesis, DynamoDB, S3 and TimescaleDB. Ctrl-C stops everything; the next start goes on with the same data.

Set in the environment or in .env (the environment wins); .env.example explains each:
  PORT                8787    where the edge and the pages listen
  DATA_DIR            .data   everything that is kept: stores, checkpoints, secrets, keys, logs
  KINESIS_ENDPOINT            a Kinesis to use instead of the embedded one
  DYNAMODB_ENDPOINT           a DynamoDB to use instead of the embedded one
  S3_ENDPOINT                 an S3 to use instead of the embedded one
  DATABASE_URL                a Postgres with TimescaleDB to use instead of the embedded one
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
`;

/** A mistake of whoever starts it: shown without a stack. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}

export interface Settings {
  port: number;
  dataDir: string;
  /** Variables of `.env` and the environment, without empty ones. */
  environment: Record<string, string>;
}

/** Undefined when help was asked for. @throws {StartRefused} */
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

/** Makes the folder. @throws {StartRefused} when that is not possible. */
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
 * Made once, kept in `secrets.json` for its owner alone, complete on disk before anything uses them: the vault's key cannot be
 * replaced without losing whom its entries belong to, nor the ledger's without losing who refused. The environment's own values win and are not written down.
 * @throws {StartRefused} when the file is there but is not what was written.
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
  // A pair belongs together: half of one from the environment would never sign anything valid.
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
  if (!isComplete) throw new StartRefused(`${path} is not what a start has written; restore it, or move DATA_DIR away`);
  return value as Record<string, string>;
}
