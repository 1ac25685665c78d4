// Which region's stream a flush goes to. The primary's, until its breaker opens; then the secondary's, and back as soon as a
// trial shows that the primary takes records again. Pure: times and outcomes in, a choice out. DESIGN E13.
//
// No ping-pong: after failing, a region is tried again first after seconds, then after longer and longer up to a minute, by one
// flush at a time. When both fail the one that failed longer ago is tried next, so that no region waits more than a minute.

import { LIMITS } from "@behaviour/contract";

export type RegionIndex = 0 | 1;

/** One failure may be a hiccup; two in a row open the breaker. */
const FAILURES_TO_OPEN = 2;
const FIRST_PAUSE_MS = 5_000;

interface Breaker {
  failuresInARow: number;
  /** Epoch milliseconds before which it is not tried; 0 while closed. */
  openUntilMs: number;
}

export class Failover {
  readonly #breakers: readonly Breaker[];

  /** @param regions 1 when there is no secondary. */
  constructor(regions: 1 | 2) {
    this.#breakers = Array.from({ length: regions }, () => ({ failuresInARow: 0, openUntilMs: 0 }));
  }

  choose(nowMs: number): RegionIndex {
    const [primary, secondary] = this.#breakers;
    if (primary === undefined || secondary === undefined || primary.openUntilMs <= nowMs) return 0;
    if (secondary.openUntilMs <= nowMs) return 1;
    return primary.openUntilMs <= secondary.openUntilMs ? 0 : 1;
  }

  succeeded(region: RegionIndex): void {
    const breaker = this.#breakers[region];
    if (breaker === undefined) return;
    breaker.failuresInARow = 0;
    breaker.openUntilMs = 0;
  }

  /** @returns whether another region can be tried at once. */
  failed(region: RegionIndex, nowMs: number): boolean {
    const breaker = this.#breakers[region];
    if (breaker === undefined) return false;
    breaker.failuresInARow++;
    if (breaker.failuresInARow < FAILURES_TO_OPEN) return false;
    const doublings = Math.min(breaker.failuresInARow - FAILURES_TO_OPEN, 20);
    breaker.openUntilMs = nowMs + Math.min(LIMITS.flushBackoffMaxMs, FIRST_PAUSE_MS * 2 ** doublings);
    return this.#breakers.some((other) => other !== breaker && other.openUntilMs <= nowMs);
  }
}
