// Maintains the shard's entry in its directory (placement/directory.ts). The entry exists before the first append is judged,
// because the sweep and the revocation of keys find the shard by it. The entry also says whether the shard holds rows, so that
// the sweeper wakes no other shard. The value that the directory received last is durable. Otherwise a shard that wakes for each
// event would send it with each event.

import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { directoryOfShard } from "../placement/directories.ts";

export const REGISTRATION_SCHEMA = `
CREATE TABLE IF NOT EXISTS registration (
  id INTEGER PRIMARY KEY CHECK (id = 1), registered INTEGER NOT NULL, waiting INTEGER NOT NULL
);
`;

/** A shard that has held no rows for this long reports so at the sweeper's next visit. */
const QUIET_AFTER_MS = 60_000;

export interface Shard {
  name: string;
  /**
   * The shard held rows before. Without a registration it is a shard of the previous release, which knows its revoked keys. It
   * need not wait.
   */
  hasHistory: boolean;
  revokedKeys(): readonly string[];
  learnRevoked(keyIds: readonly string[]): void;
}

export class Registration {
  readonly #env: Env;
  readonly #sql: SqlStorage;
  readonly #shard: Shard;
  #registered: boolean;
  /** The value that the directory received last; null when it is unknown. */
  #told: boolean | null;
  #waiting: boolean;
  #heldAtMs = 0;
  #registering: Promise<void> | null = null;
  #isTelling = false;
  /** False only before the very first append, and before the first append after the shard retired. */
  isReady: boolean;

  constructor(env: Env, sql: SqlStorage, shard: Shard) {
    this.#env = env;
    this.#sql = sql;
    this.#shard = shard;
    const [row] = sql
      .exec<{ registered: number; waiting: number }>("SELECT registered, waiting FROM registration")
      .toArray();
    this.#registered = row?.registered === 1;
    this.#told = row === undefined ? null : row.waiting === 1;
    this.#waiting = this.#told ?? false;
    this.isReady = row === undefined ? shard.hasHistory : this.#registered;
  }

  get isRegistered(): boolean {
    return this.#registered;
  }

  /** @throws what the directory throws. Then no append may be accepted, and the client retries. */
  async ready(): Promise<void> {
    await this.#register();
  }

  /** Called after every commit. Calls the directory only after an idle period. Never throws, and no request waits for it. */
  rowsWait(nowMs: number): void {
    this.#heldAtMs = nowMs;
    this.#waiting = true;
    if (this.#told !== true || !this.#registered) void this.#tell();
  }

  /** Called when the sweeper's visit found no row. */
  rowsGone(nowMs: number): void {
    if (nowMs - this.#heldAtMs < QUIET_AFTER_MS) return;
    this.#waiting = false;
    void this.#tell();
  }

  /** The shard is empty and its entry is about to be deleted. The shard registers again before its next append. */
  retire(): void {
    this.isReady = false;
    this.#registered = false;
    this.#store(false);
  }

  /** Makes one call at a time, so that the directory receives the newest value last. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      if (!this.#registered) await this.#register();
      while (this.#told !== this.#waiting) await this.#say(this.#waiting);
    } catch (fault) {
      this.#told = null;
      log("warn", "the directory was not told", { fault });
    } finally {
      this.#isTelling = false;
    }
  }

  async #say(waiting: boolean): Promise<void> {
    // Store `false` before the call that takes the shard off the sweeper's list, and `true` after the call that puts the shard on
    // it. A crash in between costs an unnecessary visit.
    if (!waiting) this.#store(false);
    this.#told = null;
    const isKnown = await directoryOfShard(this.#env, this.#shard.name).setWaiting(this.#shard.name, waiting);
    if (!isKnown) {
      this.#registered = false;
      await this.#register();
      return;
    }
    this.#told = waiting;
    if (waiting) this.#store(true);
  }

  #register(): Promise<void> {
    this.#registering ??= this.#callRegister().finally(() => {
      this.#registering = null;
    });
    return this.#registering;
  }

  async #callRegister(): Promise<void> {
    const { name } = this.#shard;
    const revoked = await directoryOfShard(this.#env, name).registerShard(name, this.#shard.revokedKeys());
    this.#shard.learnRevoked(revoked);
    this.#registered = true;
    this.isReady = true;
    // A shard that registers is about to hold rows, so the directory sets it to waiting.
    this.#told = true;
    this.#store(true);
  }

  #store(waiting: boolean): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO registration (id, registered, waiting) VALUES (1, ?, ?)",
      this.#registered ? 1 : 0,
      waiting ? 1 : 0,
    );
  }
}
