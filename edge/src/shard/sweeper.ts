// The cron sweeper: visits every shard that says it holds rows, so that none depends on its own timers and alarms. E4.
//
// The directories stand in a circle, and so do the names in each. A run goes on where the last one stopped and ends when the
// circle is closed, or when it has spent its calls or its time; so in an outage, when every shard there is holds rows, each is
// visited as often as any other, and the next run finds none twice before it found all. Once a day a round goes over the shards
// that hold nothing, and asks those that have been silent for two days to retire.

import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { DIRECTORY_NAMES, directoryNamed } from "../placement/directories.ts";
import { FORGET_AFTER_MS, type IdleShard, type ShardDirectory } from "../placement/directory.ts";
import { shardByName } from "../placement/stubs.ts";

/** What a sweep asks of a directory. */
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

/** Of one run, directories included: with what a retry adds, below the thousand subrequests of every Workers plan. */
export const SWEEP_CALLS_MAX = 900;
/** Of which for shards that hold nothing. */
const IDLE_CALLS_MAX = 200;
/** Runs come every minute and should not meet. */
const RUN_MAX_MS = 40_000;
const VISITS_AT_ONCE = 50;
/** A visit only begins a flush: one that takes longer is left alone. */
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

  /** @returns false when the run is spent and the directory is not through. */
  async #visitWaiting(directory: SweptDirectory): Promise<boolean> {
    for (;;) {
      if (this.#isSpent()) return false;
      const part = await this.#call(() => directory.nextWaiting(VISITS_AT_ONCE));
      // It can't be reached: the others are not kept waiting.
      if (part === null) return true;
      const answers = await Promise.all(part.shards.map((name) => this.#call(() => this.#swept.shard(name).sweep())));
      const registered = part.shards.filter((_, index) => answers[index]?.registered === true);
      if (directory === this.#swept.directories.at(-1) && registered.length > 0) {
        await this.#call(() => directory.forgetOld(registered));
      }
      if (part.isEnd) return true;
    }
  }

  /** @returns the visits it made. */
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

  /** Room for one more batch, with the calls around it. */
  #isSpent(): boolean {
    return this.#callsLeft < VISITS_AT_ONCE + 4 || this.#swept.nowMs() >= this.#untilMs;
  }

  /** @returns null when it fails or is late: the next round comes, and the others must be visited all the same. */
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
