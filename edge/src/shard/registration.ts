// The shard's entry in its directory (placement/directory.ts). It is there before the first append is judged, since by it a shard is
// swept and told of revoked keys; and it says whether the shard holds rows, so that the sweeper wakes no other. What the
// directory was told last is durable: a shard that wakes for each event would otherwise tell it with each.

import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { directoryOfShard } from "../placement/directories.ts";

export const REGISTRATION_SCHEMA = `
CREATE TABLE IF NOT EXISTS registration (
  id INTEGER PRIMARY KEY CHECK (id = 1), registered INTEGER NOT NULL, waiting INTEGER NOT NULL
);
`;

/** A shard that has held nothing for so long says so at the sweeper's next visit. */
const QUIET_AFTER_MS = 60_000;

export interface Shard {
  name: string;
  /** It held rows before: a shard of the release before, which knows its revoked keys. It need not wait. */
  hasHistory: boolean;
  revokedKeys(): readonly string[];
  learnRevoked(keyIds: readonly string[]): void;
}

export class Registration {
  readonly #env: Env;
  readonly #sql: SqlStorage;
  readonly #shard: Shard;
  #registered: boolean;
  /** What the directory was told last; null when that is not known. */
  #told: boolean | null;
  #waiting: boolean;
  #heldAtMs = 0;
  #registering: Promise<void> | null = null;
  #isTelling = false;
  /** False only before the first append ever, and the first after the shard retired. */
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

  /** @throws what the directory throws: then nothing may be taken, and the client sends again. */
  async ready(): Promise<void> {
    await this.#register();
  }

  /** After every commit. Costs a call only after a quiet time. Never throws, and nobody waits for it. */
  rowsWait(nowMs: number): void {
    this.#heldAtMs = nowMs;
    this.#waiting = true;
    if (this.#told !== true || !this.#registered) void this.#tell();
  }

  /** The sweeper came and found no row. */
  rowsGone(nowMs: number): void {
    if (nowMs - this.#heldAtMs < QUIET_AFTER_MS) return;
    this.#waiting = false;
    void this.#tell();
  }

  /** The shard is empty and its entry is about to be deleted: it registers again before its next append. */
  retire(): void {
    this.isReady = false;
    this.#registered = false;
    this.#store(false);
  }

  /** One call at a time, so that the directory hears the last word last. */
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
    // Before the call that takes the shard off the sweeper's list, and after the one that puts it there: a crash in between
    // costs a visit for nothing.
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
    // Who registers is about to hold rows, and so it stands in the directory.
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
