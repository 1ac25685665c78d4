// How often a shard commits and flushes, by the load. Each commit and each flush is a row, which is what a Durable Object is
// charged for: where many commits a second carry a few events each, a longer gap saves most of them, and where each carries many
// it saves nothing. ADR 010.

/** At most so often, under any load: a wait that nobody notices, and what keeps p99 below 10 ms. */
const COMMIT_GAP_LEAST_MS = 3;
/** At least so often where little comes: still far below what a client's own network adds. */
const COMMIT_GAP_MOST_MS = 28;
/** So long a gap up to this rate; above it, it falls a little faster than the rate grows: 3 ms at 5,000 events/s. */
const LONG_UP_TO_PER_SECOND = 1_000;
const FALL = 1.35;

/** How fast the measured rate follows the load: a burst after a quiet moment must not wait for long gaps. */
const RATE_WINDOW_MS = 100;

/** From the start of a commit to that of the next, at so many events a second. */
export function commitGapMs(eventsPerSecond: number): number {
  const gapMs = COMMIT_GAP_MOST_MS * (LONG_UP_TO_PER_SECOND / eventsPerSecond) ** FALL;
  return Math.min(COMMIT_GAP_MOST_MS, Math.max(COMMIT_GAP_LEAST_MS, gapMs));
}

/** Events a second, the last tenth of a second counting most. */
export class EventRate {
  #weight = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  add(events: number, nowMs: number): void {
    this.#weight = this.#weightAt(nowMs) + events;
    this.#atMs = nowMs;
  }

  perSecond(nowMs: number): number {
    return (this.#weightAt(nowMs) / RATE_WINDOW_MS) * 1_000;
  }

  /** A clock that went back lets the weight be. */
  #weightAt(nowMs: number): number {
    return this.#weight * Math.exp(-Math.max(0, nowMs - this.#atMs) / RATE_WINDOW_MS);
  }
}

/** While somebody watches, or much waits. */
const FLUSH_FAST_MS = 100;
/** Else: a quarter of the second in which events should be seen in the hot tier. */
const FLUSH_SLOW_MS = 250;
/** Waiting rows that are worth a call of their own: half a megabyte, or most of the records that a call may carry. */
const MUCH_BYTES = 512 * 1024;
const MUCH_ROWS = 400;

/** How long rows gather before they are sent. */
export function flushDelayMs(waiting: { bytes: number; count: number }, isWatched: boolean): number {
  const isMuch = waiting.bytes >= MUCH_BYTES || waiting.count >= MUCH_ROWS;
  return isMuch || isWatched ? FLUSH_FAST_MS : FLUSH_SLOW_MS;
}
