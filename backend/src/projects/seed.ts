// Creates a newcomer's first project and its two development keys. Runs at every start: existing data stays, and a wiped
// database gets the same keys again, so that no page that uses them stops working. The edge need not be running.

import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { generateKey, hashKey, type KeyKind, parseKey } from "@behaviour/contract";
import * as z from "zod/mini";
import type { Config } from "../config.ts";
import { type Database, databaseClient } from "../database/client.ts";
import { createKey, findKeyRecord } from "./keys.ts";
import { createProject, findProject, type Project } from "./projects.ts";

/** A fixed id, so that a recreated database continues the project of the tiers that were not recreated. */
const DEFAULT_PROJECT = "p_default";
const DEFAULT_RATE_LIMIT = 100_000;

const KeysFile = z.object({ publicKey: z.string(), secretKey: z.string(), project: z.optional(z.string()) });

export interface DevelopmentKeys {
  publicKey: string;
  secretKey: string;
  project: string;
}

/**
 * @param keysFile where the keys are written (mode 0600, completely or not at all), and read from if the file exists
 * @throws if the file exists and is unreadable: it is never overwritten with other keys
 */
export async function seed(config: Config, { keysFile }: { keysFile: string }): Promise<DevelopmentKeys> {
  const kept = await readKeys(keysFile);
  const keys: DevelopmentKeys = kept ?? {
    publicKey: generateKey("public", "live"),
    secretKey: generateKey("secret", "live"),
    project: DEFAULT_PROJECT,
  };
  // The file first: keys that are in the database but can no longer be read would be useless.
  if (kept === null) await writeWhole(keysFile, `${JSON.stringify(keys, null, 2)}\n`);
  else await chmod(keysFile, 0o600);
  const database = databaseClient(config);
  try {
    const owner = await ensureProject(database, keys.project);
    await ensureKey(database, owner, "public", keys.publicKey);
    await ensureKey(database, owner, "secret", keys.secretKey);
  } finally {
    await database.$client.end({ timeout: 5 });
  }
  return keys;
}

async function ensureProject(database: Database, id: string): Promise<Project> {
  const found = await findProject(database, id);
  if (found !== null) return found;
  // Opt-out: loopback has no country, and a newcomer's first event must not vanish.
  const settings = { consentRegime: "opt-out" as const, rateLimit: DEFAULT_RATE_LIMIT };
  return createProject(database, { name: "Default", settings }, null, id);
}

async function ensureKey(database: Database, owner: Project, kind: KeyKind, key: string): Promise<void> {
  if ((await findKeyRecord(database, hashKey(key))) !== null) return;
  await createKey(database, owner, { projectId: owner.id, kind, rateLimit: DEFAULT_RATE_LIMIT }, key);
}

async function readKeys(keysFile: string): Promise<DevelopmentKeys | null> {
  let text: string;
  try {
    text = await readFile(keysFile, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const parsed = KeysFile.safeParse(parseJson(text));
  const good =
    parsed.success &&
    parseKey(parsed.data.publicKey)?.kind === "public" &&
    parseKey(parsed.data.secretKey)?.kind === "secret";
  if (!good) {
    throw new Error(`${keysFile} does not hold {"publicKey","secretKey"}; remove it to get new development keys`);
  }
  const { publicKey, secretKey, project } = parsed.data;
  return { publicKey, secretKey, project: project ?? DEFAULT_PROJECT };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller rejects this value and names the file.
    return null;
  }
}

/** The file is readable only by its owner from the first byte, and is on disk before it gets its name. */
async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const unfinished = `${path}.${randomBytes(6).toString("hex")}`;
  const file = await open(unfinished, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
