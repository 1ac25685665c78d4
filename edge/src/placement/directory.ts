// Which shards exist, which of them hold rows, and which keys are revoked for good: a few objects, each for the projects whose
// hash falls to it (directories.ts). A shard registers before its first append ever and then says when it begins and ceases to
// hold rows, at most about once a minute (shard/registration.ts); nothing else of the hot path comes here.

import type { Env } from "../env.ts";
import { PlacedObject } from "./placed-object.ts";
import { projectOfShard } from "./shard-name.ts";

/** A shard that has been silent and empty for this long is asked to retire. */
export const FORGET_AFTER_MS = 48 * 60 * 60 * 1_000;
/** How often those that said they hold nothing are visited all the same: word of a row may have been lost. */
const IDLE_ROUND_EVERY_MS = 24 * 60 * 60 * 1_000;
/** The newest are kept. What is older the keys' records alone say. */
const REVOKED_KEYS_MAX = 10_000;

/** `old_shards` is the table of the release before: its shards are visited and told until they have registered here. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS shards (name TEXT PRIMARY KEY, seen_at_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS registered (
  name TEXT PRIMARY KEY, changed_at_ms INTEGER NOT NULL, waiting INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting_shards ON registered (name) WHERE waiting = 1;
CREATE TABLE IF NOT EXISTS revoked (
  project TEXT NOT NULL, key_id TEXT NOT NULL, revoked_at_ms INTEGER NOT NULL, PRIMARY KEY (project, key_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rounds (kind TEXT PRIMARY KEY, after_name TEXT NOT NULL, ended_at_ms INTEGER NOT NULL) WITHOUT ROWID;
`;

/** A part of a round; the next call goes on behind it. */
export interface RoundPart<T> {
  shards: T[];
  /** The round is over: the next call begins a new one. */
  isEnd: boolean;
}

export interface IdleShard {
  name: string;
  /** Epoch milliseconds: since when it holds nothing. Names this very state: a shard that changed has another. */
  changedAtMs: number;
}

export class ShardDirectory extends PlacedObject {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  /**
   * From a shard that is about to hold rows.
   * @param revokedKeys those it knows of itself, from before they were kept here.
   * @returns the project's revoked keys.
   */
  async registerShard(name: string, revokedKeys: readonly string[]): Promise<string[]> {
    this.#change(name, true);
    const project = projectOfShard(name);
    this.#addRevoked(project, revokedKeys);
    return this.#sql
      .exec<{ key_id: string }>("SELECT key_id FROM revoked WHERE project = ?", project)
      .toArray()
      .map(({ key_id }) => key_id);
  }

  /** @returns false when there is no such shard: it has to register. */
  async setWaiting(name: string, waiting: boolean): Promise<boolean> {
    if (this.#sql.exec("SELECT 1 FROM registered WHERE name = ?", name).toArray().length === 0) return false;
    this.#change(name, waiting);
    return true;
  }

  /** Durable once it answers; a shard that registers from now on is told. @returns the shards that must be told. */
  async revoke(project: string, keyIds: readonly string[]): Promise<string[]> {
    this.#addRevoked(project, keyIds);
    return this.listProject(project);
  }

  async listProject(project: string): Promise<string[]> {
    return this.#names(
      `SELECT name FROM registered WHERE name >= ?1 AND name < ?2
       UNION SELECT name FROM shards WHERE name >= ?1 AND name < ?2 ORDER BY name`,
      ...rangeOf(project),
    );
  }

  /** Those that hold rows, or held some since: no other can know a message that was sent since. */
  async listHolders(project: string, sinceMs: number): Promise<string[]> {
    return this.#names(
      `SELECT name FROM registered WHERE name >= ?1 AND name < ?2 AND (waiting = 1 OR changed_at_ms >= ?3)
       UNION SELECT name FROM shards WHERE name >= ?1 AND name < ?2 AND seen_at_ms >= ?3 ORDER BY name`,
      ...rangeOf(project),
      sinceMs,
    );
  }

  /** For the sweeper: the next of those that hold rows, by name, round and round. */
  async nextWaiting(limit: number): Promise<RoundPart<string>> {
    const { after } = this.#round("waiting");
    const shards = this.#names(
      `SELECT name FROM registered WHERE waiting = 1 AND name > ?1
       UNION SELECT name FROM shards WHERE name > ?1 ORDER BY name LIMIT ?2`,
      after,
      limit,
    );
    const isEnd = shards.length < limit;
    this.#setRound("waiting", isEnd ? "" : (shards.at(-1) as string), 0);
    return { shards, isEnd };
  }

  /** The same of those that hold nothing, a round a day. */
  async nextIdle(limit: number): Promise<RoundPart<IdleShard>> {
    const { after, endedAtMs } = this.#round("idle");
    const nowMs = Date.now();
    if (after === "" && nowMs - endedAtMs < IDLE_ROUND_EVERY_MS) return { shards: [], isEnd: true };
    const shards = this.#sql
      .exec<{ name: string; changed_at_ms: number }>(
        "SELECT name, changed_at_ms FROM registered WHERE waiting = 0 AND name > ? ORDER BY name LIMIT ?",
        after,
        limit,
      )
      .toArray()
      .map(({ name, changed_at_ms }) => ({ name, changedAtMs: changed_at_ms }));
    const isEnd = shards.length < limit;
    this.#setRound("idle", isEnd ? "" : (shards.at(-1) as IdleShard).name, isEnd ? nowMs : endedAtMs);
    return { shards, isEnd };
  }

  /** They retired. One that has registered again meanwhile stays. */
  async forget(retired: readonly IdleShard[]): Promise<void> {
    for (const { name, changedAtMs } of retired) {
      this.#sql.exec("DELETE FROM registered WHERE name = ? AND changed_at_ms = ?", name, changedAtMs);
    }
  }

  /** Where the last sweep stopped, among all directories; kept in the first of them. */
  async sweepStart(): Promise<number> {
    return Number(this.#round("start").after);
  }

  async setSweepStart(directory: number): Promise<void> {
    this.#setRound("start", String(directory), 0);
  }

  // --- the release before, whose one directory is the object "shards" -------------------------------------------------

  /** From shards that run its code. */
  async register(name: string): Promise<void> {
    this.#sql.exec("INSERT OR REPLACE INTO shards (name, seen_at_ms) VALUES (?, ?)", name, Date.now());
  }

  /** For Workers that run its code. */
  async list(): Promise<string[]> {
    return this.#names("SELECT name FROM shards ORDER BY name");
  }

  /** They have registered with their own directory. */
  async forgetOld(names: readonly string[]): Promise<void> {
    for (const name of names) this.#sql.exec("DELETE FROM shards WHERE name = ?", name);
  }

  /** Its sweeper found one empty: it stays until it has registered with its own directory. */
  async empty(_name: string): Promise<void> {}

  // ---------------------------------------------------------------------------------------------------------------------

  #names(query: string, ...bindings: (string | number)[]): string[] {
    return this.#sql
      .exec<{ name: string }>(query, ...bindings)
      .toArray()
      .map(({ name }) => name);
  }

  /** Each change has a time of its own, so that `forget` can tell one state from another. */
  #change(name: string, waiting: boolean): void {
    this.#sql.exec(
      `INSERT INTO registered (name, changed_at_ms, waiting) VALUES (?1, ?2, ?3)
       ON CONFLICT (name) DO UPDATE SET changed_at_ms = max(?2, changed_at_ms + 1), waiting = ?3`,
      name,
      Date.now(),
      waiting ? 1 : 0,
    );
  }

  #addRevoked(project: string, keyIds: readonly string[]): void {
    if (keyIds.length === 0) return;
    const nowMs = Date.now();
    for (const keyId of keyIds) {
      this.#sql.exec(
        "INSERT OR IGNORE INTO revoked (project, key_id, revoked_at_ms) VALUES (?, ?, ?)",
        project,
        keyId,
        nowMs,
      );
    }
    this.#sql.exec(
      `DELETE FROM revoked WHERE project = ?1 AND key_id IN
       (SELECT key_id FROM revoked WHERE project = ?1 ORDER BY revoked_at_ms DESC, key_id LIMIT -1 OFFSET ?2)`,
      project,
      REVOKED_KEYS_MAX,
    );
  }

  #round(kind: string): { after: string; endedAtMs: number } {
    const [row] = this.#sql
      .exec<{ after_name: string; ended_at_ms: number }>(
        "SELECT after_name, ended_at_ms FROM rounds WHERE kind = ?",
        kind,
      )
      .toArray();
    return row === undefined ? { after: "", endedAtMs: 0 } : { after: row.after_name, endedAtMs: row.ended_at_ms };
  }

  /** Written only when it changes: a quiet directory costs no row. */
  #setRound(kind: string, after: string, endedAtMs: number): void {
    const before = this.#round(kind);
    if (before.after === after && before.endedAtMs === endedAtMs) return;
    this.#sql.exec(
      "INSERT OR REPLACE INTO rounds (kind, after_name, ended_at_ms) VALUES (?, ?, ?)",
      kind,
      after,
      endedAtMs,
    );
  }
}

/** Names begin with the project and a colon; a semicolon is the character behind it. */
function rangeOf(project: string): [string, string] {
  return [`${project}:`, `${project};`];
}
