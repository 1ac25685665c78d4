// Stores the sessions that were ended early, until they would have expired. The keys are distributed over a few objects by hash.
// Isolates query these objects, and assume for a few seconds after an answer that a session is still valid (session.ts).

import { LIMITS } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { PlacedObject } from "../placement/placed-object.ts";
import type { Session } from "./session-token.ts";

const OBJECTS = 16;
/** Per key. Above this number one row ends all sessions of the key that began before it, so that nobody can fill the storage. */
export const ENDED_PER_KEY_MAX = 1_000;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS ended (
  key_hash TEXT NOT NULL, session TEXT NOT NULL, expires_at_ms INTEGER NOT NULL, PRIMARY KEY (key_hash, session)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ended_by_expiry ON ended (expires_at_ms);
CREATE TABLE IF NOT EXISTS ended_keys (
  key_hash TEXT PRIMARY KEY, began_until_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL
) WITHOUT ROWID;
`;

export class EndedSessions extends PlacedObject {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  /** The end is durable once this call returns. */
  async end({ id, keyHash, expiresAtMs }: Session): Promise<void> {
    const nowMs = Date.now();
    this.#sql.exec("DELETE FROM ended WHERE expires_at_ms <= ?", nowMs);
    this.#sql.exec("DELETE FROM ended_keys WHERE expires_at_ms <= ?", nowMs);
    this.#sql.exec(
      "INSERT OR IGNORE INTO ended (key_hash, session, expires_at_ms) VALUES (?, ?, ?)",
      keyHash,
      id,
      expiresAtMs,
    );
    const { ended } = this.#sql
      .exec<{ ended: number }>("SELECT count(*) AS ended FROM ended WHERE key_hash = ?", keyHash)
      .one();
    if (ended <= ENDED_PER_KEY_MAX) return;
    this.#sql.exec("DELETE FROM ended WHERE key_hash = ?", keyHash);
    this.#sql.exec(
      "INSERT OR REPLACE INTO ended_keys (key_hash, began_until_ms, expires_at_ms) VALUES (?, ?, ?)",
      keyHash,
      nowMs,
      nowMs + LIMITS.sessionMs,
    );
  }

  async isEnded({ id, keyHash, expiresAtMs }: Session): Promise<boolean> {
    const rows = this.#sql
      .exec(
        `SELECT 1 FROM ended WHERE key_hash = ?1 AND session = ?2
         UNION ALL SELECT 1 FROM ended_keys WHERE key_hash = ?1 AND began_until_ms >= ?3`,
        keyHash,
        id,
        expiresAtMs - LIMITS.sessionMs,
      )
      .toArray();
    return rows.length > 0;
  }
}

export function endedSessions(env: Env, { keyHash }: Session): DurableObjectStub<EndedSessions> {
  const index = Number.parseInt(keyHash.slice(0, 2), 16) % OBJECTS;
  return env.SESSIONS.get(env.SESSIONS.idFromName(`sessions:${index}`));
}
