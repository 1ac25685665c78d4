// Chooses the region whose stream a flush goes to. This is the primary region until its breaker opens, then the secondary, and
// the primary again as soon as a trial shows that it stores records. Pure: times and outcomes in, a choice out. E13.
//
// No ping-pong: a region that failed is tried again after seconds at first, then after longer and longer pauses up to a minute.
// While the secondary works, the primary is tried with one record beside the flush, so a region that hangs delays nothing else.
// When both fail, the region whose pause ends first is tried next, so that no region waits more than a minute.

import { TUNINGS } from "@behaviour/contract";
import { waitLeftMs } from "../clock.ts";

export type RegionIndex = 0 | 1;

export interface Choice {
  region: RegionIndex;
  /** The region to try with one record beside the flush. */
  trial: RegionIndex | null;
}

/** One failure may be transient. Two in a row open the breaker. */
const FAILURES_TO_OPEN = 2;
const FIRST_PAUSE_MS = 5_000;

class Breaker {
  #failuresInARow = 0;
  #openedAtMs = 0;
  /** 0 while closed. */
  #pauseMs = 0;

  get isClosed(): boolean {
    return this.#pauseMs === 0;
  }

  /** How long until the region may be tried. Never longer than the pause, even if the clock changes. */
  pauseLeftMs(nowMs: number): number {
    return waitLeftMs(this.#openedAtMs, this.#pauseMs, nowMs);
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    this.#pauseMs = 0;
  }

  /** @returns whether the breaker is open now. */
  failed(nowMs: number): boolean {
    this.#failuresInARow++;
    if (this.#failuresInARow < FAILURES_TO_OPEN) return false;
    const doublings = Math.min(this.#failuresInARow - FAILURES_TO_OPEN, 20);
    this.#openedAtMs = nowMs;
    this.#pauseMs = Math.min(TUNINGS.flushBackoffMaxMs, FIRST_PAUSE_MS * 2 ** doublings);
    return true;
  }
}

export class Failover {
  readonly #breakers: readonly Breaker[];

  /** @param regions 1 when there is no secondary. */
  constructor(regions: 1 | 2) {
    this.#breakers = Array.from({ length: regions }, () => new Breaker());
  }

  choose(nowMs: number): Choice {
    const [primary, secondary] = this.#breakers;
    if (primary === undefined || secondary === undefined || primary.isClosed) return { region: 0, trial: null };
    const [primaryLeftMs, secondaryLeftMs] = [primary.pauseLeftMs(nowMs), secondary.pauseLeftMs(nowMs)];
    if (secondary.isClosed) return { region: 1, trial: primaryLeftMs === 0 ? 0 : null };
    if (primaryLeftMs === 0) return { region: 0, trial: null };
    return { region: secondaryLeftMs < primaryLeftMs ? 1 : 0, trial: null };
  }

  succeeded(region: RegionIndex): void {
    this.#breakers[region]?.succeeded();
  }

  /** @returns whether another region can be tried immediately. */
  failed(region: RegionIndex, nowMs: number): boolean {
    const breaker = this.#breakers[region];
    if (breaker?.failed(nowMs) !== true) return false;
    return this.#breakers.some((other) => other !== breaker && other.pauseLeftMs(nowMs) === 0);
  }
}
