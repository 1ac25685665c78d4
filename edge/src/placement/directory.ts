// Records which shards exist, which of them hold rows, and which keys are permanently revoked. There are a few directories, each
// for the projects whose hash selects it (directories.ts). A shard registers before its very first append. After that it reports
// when it begins and stops holding rows, at most about once a minute (shard/registration.ts). Nothing else of the hot path calls
// a directory.

import type { Env } from "../env.ts";
import { PlacedObject } from "./placed-object.ts";
import { projectOfShard } from "./shard-name.ts";

/** A shard that has been silent and empty for this long is asked to retire. */
export const FORGET_AFTER_MS = 48 * 60 * 60 * 1_000;
/** How often shards that reported no rows are visited anyway: a report of rows may have been lost. */
const IDLE_ROUND_EVERY_MS = 24 * 60 * 60 * 1_000;
/** The newest revocations are kept. Older revocations are only in the keys' records. */
const REVOKED_KEYS_MAX = 10_000;

/** `shards` is the table of the previous release. Its shards are visited and notified until they have registered. */
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

/** A part of a round. The next call continues after it. */
export interface RoundPart<T> {
  shards: T[];
  /** The round is over, and the next call begins a new round. */
  isEnd: boolean;
}

export interface IdleShard {
  name: string;
  /** Epoch milliseconds since when the shard holds no rows. It identifies this state: each change sets another time. */
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
   * Called by a shard that is about to hold rows.
   * @param revokedKeys keys that the shard knows from the time before they were kept here.
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

  /** @returns false when the shard is unknown and has to register. */
  async setWaiting(name: string, waiting: boolean): Promise<boolean> {
    if (this.#sql.exec("SELECT 1 FROM registered WHERE name = ?", name).toArray().length === 0) return false;
    this.#change(name, waiting);
    return true;
  }

  /**
   * The revocation is durable when the call answers. Shards that register later get it. @returns the shards that must be
   * notified.
   */
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

  /** Shards that hold rows, or held rows since `sinceMs`. No other shard can know a message that was sent since then. */
  async listHolders(project: string, sinceMs: number): Promise<string[]> {
    return this.#names(
      `SELECT name FROM registered WHERE name >= ?1 AND name < ?2 AND (waiting = 1 OR changed_at_ms >= ?3)
       UNION SELECT name FROM shards WHERE name >= ?1 AND name < ?2 AND seen_at_ms >= ?3 ORDER BY name`,
      ...rangeOf(project),
      sinceMs,
    );
  }

  /** For the sweeper: the next shards that hold rows, by name, in a circle. */
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

  /** For the sweeper: the next shards that hold no rows, one round a day. */
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

  /** Deletes shards that retired. A shard that has registered again in the meantime stays. */
  async forget(retired: readonly IdleShard[]): Promise<void> {
    for (const { name, changedAtMs } of retired) {
      this.#sql.exec("DELETE FROM registered WHERE name = ? AND changed_at_ms = ?", name, changedAtMs);
    }
  }

  /** The index of the directory at which the last sweep stopped. The first directory stores it. */
  async sweepStart(): Promise<number> {
    return Number(this.#round("start").after);
  }

  async setSweepStart(directory: number): Promise<void> {
    this.#setRound("start", String(directory), 0);
  }

  // --- the previous release, whose only directory is the object "shards" ----------------------------------------------

  /** Called by shards of the previous release. */
  async register(name: string): Promise<void> {
    this.#sql.exec("INSERT OR REPLACE INTO shards (name, seen_at_ms) VALUES (?, ?)", name, Date.now());
  }

  /** Called by Workers of the previous release. */
  async list(): Promise<string[]> {
    return this.#names("SELECT name FROM shards ORDER BY name");
  }

  /** Deletes shards that have registered with their own directory. */
  async forgetOld(names: readonly string[]): Promise<void> {
    for (const name of names) this.#sql.exec("DELETE FROM shards WHERE name = ?", name);
  }

  /** The previous release's sweeper found an empty shard. The shard stays until it has registered with its own directory. */
  async empty(_name: string): Promise<void> {}

  // ---------------------------------------------------------------------------------------------------------------------

  #names(query: string, ...bindings: (string | number)[]): string[] {
    return this.#sql
      .exec<{ name: string }>(query, ...bindings)
      .toArray()
      .map(({ name }) => name);
  }

  /** Each change gets a time of its own, so that `forget` can distinguish two states. */
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

  /** Writes only changes, so that an idle directory costs no row. */
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

/** A shard's name begins with the project and a colon. The next character after a colon is the semicolon. */
function rangeOf(project: string): [string, string] {
  return [`${project}:`, `${project};`];
}
