// Finds the installation that the command line talks to. On one machine it is the installation that `npm start` runs, with its
// addresses and secrets in the data folder. `.env` overrides these values, and the environment overrides both.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { type Config, readConfig } from "../config.ts";

type Environment = Record<string, string | undefined>;

const DEFAULT_PORT = "8787";

/** @throws Error that names a malformed variable or file. */
export function commandLineConfig(environment: Environment = process.env, folder: string = process.cwd()): Config {
  const dotEnv = parseEnv(readText(join(folder, ".env")) ?? "");
  const chosen = { ...dotEnv, ...withoutEmpty(environment) };
  const dataDir = resolve(folder, chosen.DATA_DIR ?? ".data");
  const endpoints = readJson(join(dataDir, "endpoints.json"));
  const secrets = readJson(join(dataDir, "secrets.json"));
  const found: Environment = {
    DATABASE_URL: textOf(endpoints.database),
    KINESIS_ENDPOINT: textOf(endpoints.kinesis),
    DYNAMODB_ENDPOINT: textOf(endpoints.dynamodb),
    S3_ENDPOINT: textOf(endpoints.s3),
    // The embedded S3 service also serves SNS. If S3 was replaced, SNS was replaced too.
    SNS_ENDPOINT: chosen.S3_ENDPOINT === undefined ? textOf(endpoints.s3) : undefined,
    INTERNAL_SECRET: textOf(secrets.INTERNAL_SECRET),
    VAULT_HMAC_KEY: textOf(secrets.VAULT_HMAC_KEY),
    EDGE_URL: `http://127.0.0.1:${chosen.PORT ?? DEFAULT_PORT}`,
    // A command needs one connection.
    DATABASE_CONNECTIONS: "1",
  };
  return readConfig({ ...withoutEmpty(found), ...chosen });
}

/**
 * Copies the credentials of the embedded services into the environment, because the AWS clients read only the environment.
 * Credentials that are already there stay.
 */
export function adoptCredentials(environment: Environment = process.env, folder: string = process.cwd()): void {
  const secrets = readJson(join(resolve(folder, environment.DATA_DIR ?? ".data"), "secrets.json"));
  if (environment.AWS_ACCESS_KEY_ID !== undefined || environment.AWS_PROFILE !== undefined) return;
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) {
    const value = textOf(secrets[name]);
    if (value !== undefined) environment[name] = value;
  }
}

function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value !== ""));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function readJson(path: string): Record<string, unknown> {
  const text = readText(path);
  if (text === null) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${path} is not JSON`);
  }
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
