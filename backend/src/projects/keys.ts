// Keeps API keys in Postgres, the source of truth. The key itself is shown once, when it is created. The stored row has its
// SHA-256, the last four characters so that people can tell keys apart, and the fields that the edge needs to judge a request.

import { randomBytes } from "node:crypto";
import {
  ProjectSettings as EdgeSettings,
  generateKey,
  hashKey,
  type KeyRecord,
  keyRecordName,
  PUBLIC_SCOPES,
  SCOPES,
} from "@behaviour/contract";
import { and, asc, eq, gt, inArray, isNull, lt, sql } from "drizzle-orm";
import type { Database } from "../database/client.ts";
import { apiKey, project } from "../database/schema.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import type { NamedRecord } from "../outbound/edge.ts";
import type { KeyInput, SettingsInput } from "./input.ts";

const HOUR_MS = 60 * 60 * 1_000;
const HINT_LENGTH = 4;
/** Applies if neither the key nor its project sets a rate limit. */
const DEFAULT_RATE_LIMIT = 10_000;

/** One key's record for the edge, and the revision of the key that the record contains. */
export interface KeyUpdate {
  id: string;
  revision: number;
  record: NamedRecord;
}

/** A key as people see it: never the key itself. Times are ISO. */
export interface Key {
  id: string;
  projectId: string;
  kind: "public" | "secret";
  environment: "live" | "test";
  scopes: string[];
  origins: string[];
  cidrs: string[];
  /** Events per second. */
  rateLimit: number;
  notBefore: string | null;
  notAfter: string | null;
  revokedAt: string | null;
  hint: string;
  createdAt: string;
  /** Id of the key that replaced this key. */
  replacedBy: string | null;
}

/** `key` is the secret text, which cannot be shown again. `updates` must be pushed to the edge. */
export interface KeyMade {
  view: Key;
  key: string;
  updates: KeyUpdate[];
}

export interface KeyChanged {
  view: Key;
  updates: KeyUpdate[];
}

type KeyRow = typeof apiKey.$inferSelect;
type NewKeyRow = typeof apiKey.$inferInsert;

/** @param text the key, if it already exists (a wiped database gets the same development keys again) */
export async function createKey(database: Database, owner: KeyOwner, input: KeyInput, text?: string): Promise<KeyMade> {
  const environment = input.environment ?? "live";
  const key = text ?? generateKey(input.kind, environment);
  const row = await insertKey(database, {
    ...identify(key),
    project: owner.id,
    kind: input.kind,
    environment,
    scopes: [...new Set(input.scopes ?? (input.kind === "public" ? PUBLIC_SCOPES : SCOPES))],
    origins: [...new Set(input.origins ?? [])],
    cidrs: [...new Set(input.cidrs ?? [])],
    rateLimit: input.rateLimit ?? owner.settings.rateLimit ?? DEFAULT_RATE_LIMIT,
    notBefore: typeof input.notBefore === "number" ? new Date(input.notBefore) : null,
    notAfter: typeof input.notAfter === "number" ? new Date(input.notAfter) : null,
  });
  return { view: toKey(row), key, updates: [toUpdate(row, owner)] };
}

/** Oldest first. */
export async function listKeys(database: Database, projects: readonly string[]): Promise<Key[]> {
  if (projects.length === 0) return [];
  const rows = await database
    .select()
    .from(apiKey)
    .where(inArray(apiKey.project, [...projects]))
    .orderBy(asc(apiKey.createdAt), asc(apiKey.id));
  return rows.map(toKey);
}

export async function findKeyById(database: Database, id: string): Promise<Key | null> {
  const rows = await database.select().from(apiKey).where(eq(apiKey.id, id));
  return rows[0] === undefined ? null : toKey(rows[0]);
}

/** The edge's record of one key, by the key's hex SHA-256. */
export async function findKeyRecord(database: Database, keySha256: string): Promise<KeyRecord | null> {
  const rows = await database
    .select({ key: apiKey, owner: { shards: project.shards, settings: project.settings } })
    .from(apiKey)
    .innerJoin(project, eq(apiKey.project, project.id))
    .where(eq(apiKey.keySha256, keySha256));
  return rows[0] === undefined ? null : toRecord(rows[0].key, rows[0].owner);
}

/**
 * Creates a key of the same kind. The old key stays valid for the overlap, but never beyond an end that it already had.
 * A key is rotated once, and only while it is valid: `conflicting_request` otherwise, so that a repeated call does not
 * create a second successor.
 */
export async function rotateKey(
  database: Database,
  id: string,
  overlapHours: number,
  nowMs: number,
): Promise<Result<KeyMade>> {
  return database.transaction(async (transaction) => {
    const found = await transaction
      .select({ key: apiKey, owner: { shards: project.shards, settings: project.settings } })
      .from(apiKey)
      .innerJoin(project, eq(apiKey.project, project.id))
      .where(eq(apiKey.id, id))
      .for("update");
    if (found[0] === undefined) return refused<KeyMade>("not_found");
    const { key: old, owner } = found[0];
    const reason = whyNotRotated(old, nowMs);
    if (reason !== null) return refused<KeyMade>("conflicting_request", undefined, reason);

    const key = generateKey(old.kind, old.environment);
    const { scopes, origins, cidrs, rateLimit, notAfter } = old;
    const base = { project: old.project, kind: old.kind, environment: old.environment, notBefore: null, notAfter };
    const made = await insertKey(transaction, { ...base, scopes, origins, cidrs, rateLimit, ...identify(key) });
    const endMs = Math.min(nowMs + overlapHours * HOUR_MS, old.notAfter?.getTime() ?? Number.POSITIVE_INFINITY);
    const ended = await transaction
      .update(apiKey)
      .set({ notAfter: new Date(endMs), replacedBy: made.id, ...NEXT_REVISION })
      .where(eq(apiKey.id, id))
      .returning();
    const updates = [made, ...ended].map((row) => toUpdate(row, owner));
    return ok({ view: toKey(made), key, updates });
  });
}

function whyNotRotated(row: KeyRow, nowMs: number): string | null {
  if (row.revokedAt !== null) return "The key is revoked.";
  if (row.replacedBy !== null) return "The key has been rotated already.";
  if (row.notAfter !== null && row.notAfter.getTime() <= nowMs) return "The key has expired.";
  return null;
}

/** Final and idempotent: the first revocation's time is kept. */
export async function revokeKey(database: Database, id: string, nowMs: number): Promise<Result<KeyChanged>> {
  await database
    .update(apiKey)
    .set({ revokedAt: new Date(nowMs), ...NEXT_REVISION })
    .where(and(eq(apiKey.id, id), isNull(apiKey.revokedAt)));
  const rows = await database
    .select({ key: apiKey, owner: { shards: project.shards, settings: project.settings } })
    .from(apiKey)
    .innerJoin(project, eq(apiKey.project, project.id))
    .where(eq(apiKey.id, id));
  const row = rows[0];
  if (row === undefined) return refused("not_found");
  return ok({ view: toKey(row.key), updates: [toUpdate(row.key, row.owner)] });
}

/** Selects the keys to push to the edge. */
export interface UpdatesWanted {
  /** All projects if absent. */
  project?: string | undefined;
  /** Only revisions that the edge does not have yet. */
  unpushed?: boolean;
}

/** Yields the updates for the edge, a page at a time, in the order of the keys' ids. */
export async function* keyUpdates(
  database: Database,
  pageSize: number,
  { project: ofProject, unpushed = false }: UpdatesWanted = {},
): AsyncGenerator<KeyUpdate[]> {
  const wanted = and(
    ofProject === undefined ? undefined : eq(apiKey.project, ofProject),
    unpushed ? UNPUSHED : undefined,
  );
  let after = "";
  for (;;) {
    const rows = await database
      .select({ key: apiKey, owner: { shards: project.shards, settings: project.settings } })
      .from(apiKey)
      .innerJoin(project, eq(apiKey.project, project.id))
      .where(and(gt(apiKey.id, after), wanted))
      .orderBy(asc(apiKey.id))
      .limit(pageSize);
    if (rows.length > 0) yield rows.map((row) => toUpdate(row.key, row.owner));
    if (rows.length < pageSize) return;
    after = rows.at(-1)?.key.id ?? after;
  }
}

const UNPUSHED = lt(apiKey.pushedRevision, apiKey.revision);
/** Must be set with every change that the edge needs. */
const NEXT_REVISION = { revision: sql`${apiKey.revision} + 1` };

/** A change of a project changes the records of all its keys. */
export async function bumpKeysOf(database: Pick<Database, "update">, ofProject: string): Promise<void> {
  await database.update(apiKey).set(NEXT_REVISION).where(eq(apiKey.project, ofProject));
}

/**
 * Records that the edge has these updates. A key that was changed meanwhile is pushed again, even if its newer revision has
 * been pushed: it is unknown which of the two revisions arrived last.
 */
export async function markPushed(database: Database, updates: readonly KeyUpdate[]): Promise<void> {
  const told = updates.map(({ id, revision }) => ({ id, revision }));
  await database.execute(sql`
    update api_key set pushed_revision = case when api_key.revision = told.revision then told.revision else 0 end
    from jsonb_to_recordset(${JSON.stringify(told)}::jsonb) as told (id text, revision integer)
    where api_key.id = told.id`);
}

export async function countUnpushed(database: Database): Promise<number> {
  return database.$count(apiKey, UNPUSHED);
}

type Inserts = Pick<Database, "insert">;

async function insertKey(database: Inserts, values: NewKeyRow): Promise<KeyRow> {
  const rows = await database.insert(apiKey).values(values).returning();
  if (rows[0] === undefined) throw new Error("the database returned no row for a key it has just written");
  return rows[0];
}

function identify(key: string): { id: string; keySha256: string; hint: string } {
  return { id: `k_${randomBytes(10).toString("hex")}`, keySha256: hashKey(key), hint: key.slice(-HINT_LENGTH) };
}

/** The part of a project that the records of its keys contain. */
interface Owner {
  shards: number;
  settings: Record<string, unknown>;
}

/** The part of its project that a new key uses. */
interface KeyOwner extends Owner {
  id: string;
  settings: SettingsInput;
}

function toUpdate(row: KeyRow, owner: Owner): KeyUpdate {
  return {
    id: row.id,
    revision: row.revision,
    record: { name: keyRecordName(row.keySha256), value: toRecord(row, owner) },
  };
}

/** The fields that are the same in the edge's record and in the view for people. */
function commonOf({ id, kind, environment, scopes, origins, cidrs, rateLimit }: KeyRow) {
  return { id, kind, environment, scopes, origins, cidrs, rateLimit };
}

function toRecord(row: KeyRow, owner: Owner): KeyRecord {
  return {
    ...commonOf(row),
    project: row.project,
    notBefore: row.notBefore?.getTime() ?? null,
    notAfter: row.notAfter?.getTime() ?? null,
    revokedAt: row.revokedAt?.getTime() ?? null,
    shards: owner.shards,
    // Checked on entry. Settings that the edge does not use are left out.
    settings: EdgeSettings.parse(owner.settings),
  };
}

function toKey(row: KeyRow): Key {
  return {
    ...commonOf(row),
    projectId: row.project,
    notBefore: row.notBefore?.toISOString() ?? null,
    notAfter: row.notAfter?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
    hint: row.hint,
    createdAt: row.createdAt.toISOString(),
    replacedBy: row.replacedBy,
  };
}
