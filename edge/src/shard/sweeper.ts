// The cron sweeper visits every shard that reports rows, so that no shard depends on its own timers and alarms. E4.
//
// The directories form a circle, and so do the names in each directory. A run continues where the last run stopped. It ends when
// the circle is complete, or when its calls or its time are used up. In an outage, when every shard holds rows, all shards are
// therefore visited equally often: no shard has a second visit before all others had one. Once a day a round visits the shards
// without rows, and asks shards that were idle for two days to retire.

import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { DIRECTORY_NAMES, directoryNamed } from "../placement/directories.ts";
import { FORGET_AFTER_MS, type IdleShard, type ShardDirectory } from "../placement/directory.ts";
import { shardByName } from "../placement/stubs.ts";

/** The methods of a directory that a sweep calls. */
export type SweptDirectory = Pick<
  ShardDirectory,
  "nextWaiting" | "nextIdle" | "forget" | "forgetOld" | "sweepStart" | "setSweepStart"
>;

export interface SweptShard {
  sweep(): Promise<{ rows: number; registered?: boolean }>;
  retire(): Promise<boolean>;
}

export interface Swept {
  directories: readonly SweptDirectory[];
  shard(name: string): SweptShard;
  nowMs(): number;
}

/** Calls of one run, directories included. With the retries they stay below the thousand subrequests of every Workers plan. */
export const SWEEP_CALLS_MAX = 900;
/** The part of these calls that may go to shards without rows. */
const IDLE_CALLS_MAX = 200;
/** Runs start every minute and should not overlap. */
const RUN_MAX_MS = 40_000;
const VISITS_AT_ONCE = 50;
/** A visit only starts a flush, so the sweeper stops waiting for a slow visit after this time. */
const VISIT_MAX_MS = 5_000;

export async function sweepShards(env: Env): Promise<void> {
  await new Sweep({
    directories: DIRECTORY_NAMES.map((name) => directoryNamed(env, name)),
    shard: (name) => shardByName(env, name),
    nowMs: () => Date.now(),
  }).run();
}

export class Sweep {
  readonly #swept: Swept;
  readonly #untilMs: number;
  #callsLeft = SWEEP_CALLS_MAX;

  constructor(swept: Swept) {
    this.#swept = swept;
    this.#untilMs = swept.nowMs() + RUN_MAX_MS;
  }

  async run(): Promise<void> {
    const { directories } = this.#swept;
    const keeper = directories[0] as SweptDirectory;
    const start = (await this.#call(() => keeper.sweepStart())) ?? 0;
    let stoppedAt = start;
    for (let step = 0; step < directories.length; step++) {
      stoppedAt = (start + step) % directories.length;
      if (!(await this.#visitWaiting(directories[stoppedAt] as SweptDirectory))) break;
    }
    for (let step = 0, left = IDLE_CALLS_MAX; step < directories.length && left > 0 && !this.#isSpent(); step++) {
      left -= await this.#visitIdle(directories[(start + step) % directories.length] as SweptDirectory, left);
    }
    if (stoppedAt !== start) await this.#call(() => keeper.setSweepStart(stoppedAt));
  }

  /** @returns false when the calls or the time of the run are used up before the end of the directory. */
  async #visitWaiting(directory: SweptDirectory): Promise<boolean> {
    for (;;) {
      if (this.#isSpent()) return false;
      const part = await this.#call(() => directory.nextWaiting(VISITS_AT_ONCE));
      // The directory cannot be reached. Continue with the other directories.
      if (part === null) return true;
      const answers = await Promise.all(part.shards.map((name) => this.#call(() => this.#swept.shard(name).sweep())));
      const registered = part.shards.filter((_, index) => answers[index]?.registered === true);
      if (directory === this.#swept.directories.at(-1) && registered.length > 0) {
        await this.#call(() => directory.forgetOld(registered));
      }
      if (part.isEnd) return true;
    }
  }

  /** @returns the number of visits. */
  async #visitIdle(directory: SweptDirectory, limit: number): Promise<number> {
    const part = await this.#call(() => directory.nextIdle(Math.min(limit, VISITS_AT_ONCE)));
    if (part === null || part.shards.length === 0) return 0;
    const silentSinceMs = this.#swept.nowMs() - FORGET_AFTER_MS;
    const retired: IdleShard[] = [];
    await Promise.all(
      part.shards.map(async (idle) => {
        const shard = this.#swept.shard(idle.name);
        if (idle.changedAtMs > silentSinceMs) await this.#call(() => shard.sweep());
        else if ((await this.#call(() => shard.retire())) === true) retired.push(idle);
      }),
    );
    if (retired.length > 0) await this.#call(() => directory.forget(retired));
    return part.shards.length;
  }

  /** Whether the time is over, or the calls left do not suffice for one more batch and the calls around it. */
  #isSpent(): boolean {
    return this.#callsLeft < VISITS_AT_ONCE + 4 || this.#swept.nowMs() >= this.#untilMs;
  }

  /**
   * @returns null when the call fails or is late. The next round tries again, and the other shards must be visited in any case.
   */
  async #call<T>(call: () => Promise<T>): Promise<T | null> {
    this.#callsLeft--;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${VISIT_MAX_MS} ms`)), VISIT_MAX_MS);
    });
    try {
      return await Promise.race([call(), late]);
    } catch (fault) {
      log("error", "sweep: no answer", { fault });
      return null;
    } finally {
      clearTimeout(timer);
    }
  }
}
