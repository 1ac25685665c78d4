// Which shards exist, for the sweeper and for a person who asks after a message. One object, written to every few minutes by
// each shard that has traffic, never on the hot path.

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";

/** A shard that has been silent and empty for this long is no longer visited. */
const FORGET_AFTER_MS = 48 * 60 * 60 * 1_000;

export class ShardDirectory extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS shards (name TEXT PRIMARY KEY, seen_at_ms INTEGER NOT NULL) WITHOUT ROWID",
    );
  }

  async register(name: string): Promise<void> {
    this.ctx.storage.sql.exec("INSERT OR REPLACE INTO shards (name, seen_at_ms) VALUES (?, ?)", name, Date.now());
  }

  async list(): Promise<string[]> {
    return this.ctx.storage.sql
      .exec<{ name: string }>("SELECT name FROM shards ORDER BY name")
      .toArray()
      .map(({ name }) => name);
  }

  async listProject(project: string): Promise<string[]> {
    return (await this.list()).filter((name) => name.startsWith(`${project}:`));
  }

  /** The sweeper found it empty. */
  async empty(name: string): Promise<void> {
    this.ctx.storage.sql.exec(
      "DELETE FROM shards WHERE name = ? AND seen_at_ms < ?",
      name,
      Date.now() - FORGET_AFTER_MS,
    );
  }
}
