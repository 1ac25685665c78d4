// Keeps the daily salt of cookieless mode in a single object. The random bytes are created by the day's first request, and
// deleted by the next day's first request or by an alarm if no request arrives. docs/adr/004 names what Cloudflare's
// point-in-time recovery of the object's storage could restore for 30 days.

import type { Env } from "../env.ts";
import { PlacedObject } from "../placement/placed-object.ts";
import { dayOf } from "./cookieless.ts";

const SALT_BYTES = 32;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** A request that began before midnight may still ask for its day's salt. */
const GRACE_MS = 5 * 60 * 1_000;

export class DailySalt extends PlacedObject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS salts (day INTEGER PRIMARY KEY, salt BLOB NOT NULL)");
  }

  async salt(day: number): Promise<Uint8Array> {
    const { sql } = this.ctx.storage;
    this.#destroyOld();
    const [kept] = sql.exec<{ salt: ArrayBuffer }>("SELECT salt FROM salts WHERE day = ?", day).toArray();
    if (kept !== undefined) return new Uint8Array(kept.salt);
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    sql.exec("INSERT INTO salts (day, salt) VALUES (?, ?)", day, salt);
    await this.ctx.storage.setAlarm((day + 1) * DAY_MS + GRACE_MS);
    return salt;
  }

  override async alarm(): Promise<void> {
    this.#destroyOld();
  }

  #destroyOld(): void {
    this.ctx.storage.sql.exec("DELETE FROM salts WHERE day < ?", dayOf(Date.now() - GRACE_MS));
  }
}
