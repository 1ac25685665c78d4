// Where the command line finds the installation it speaks to. On one machine that is whatever `npm start` runs: its addresses
// and secrets lie in the data folder. `.env` wins over those, and the environment wins over all.

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
    INTERNAL_SECRET: textOf(secrets.INTERNAL_SECRET),
    EDGE_URL: `http://127.0.0.1:${chosen.PORT ?? DEFAULT_PORT}`,
    // One command, one connection.
    DATABASE_CONNECTIONS: "1",
  };
  return readConfig({ ...withoutEmpty(found), ...chosen });
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
