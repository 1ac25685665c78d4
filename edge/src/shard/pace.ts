// Decides how often a shard commits and flushes, by the load. A Durable Object is charged for written rows, and each commit and
// each flush writes a row. If many commits a second carry a few events each, a longer gap saves most of these rows. If each
// commit carries many events, a longer gap saves nothing. ADR 010.

/** Minimum gap, under any load. Nobody notices this wait, and it keeps p99 below 10 ms. */
const COMMIT_GAP_LEAST_MS = 3;
/** Maximum gap, at a low rate. It is still far below the delay that a client's own network adds. */
const COMMIT_GAP_MOST_MS = 28;
/** Up to this rate the gap is the maximum. Above, it falls a little faster than the rate grows: 3 ms at 5,000 events/s. */
const LONG_UP_TO_PER_SECOND = 1_000;
const FALL = 1.35;

/** How fast the measured rate follows the load. A burst after an idle period must not wait for long gaps. */
const RATE_WINDOW_MS = 100;

/** The gap from the start of a commit to the start of the next, at this rate. */
export function commitGapMs(eventsPerSecond: number): number {
  const gapMs = COMMIT_GAP_MOST_MS * (LONG_UP_TO_PER_SECOND / eventsPerSecond) ** FALL;
  return Math.min(COMMIT_GAP_MOST_MS, Math.max(COMMIT_GAP_LEAST_MS, gapMs));
}

/** Events per second. The last tenth of a second has the most weight. */
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

  /** A clock that went back leaves the weight unchanged. */
  #weightAt(nowMs: number): number {
    return this.#weight * Math.exp(-Math.max(0, nowMs - this.#atMs) / RATE_WINDOW_MS);
  }
}

/** Applies while a watcher is connected, or many rows wait. */
const FLUSH_FAST_MS = 100;
/** Applies otherwise: a quarter of the second in which an event should be visible in the hot tier. */
const FLUSH_SLOW_MS = 250;
/** This many waiting rows justify a call of their own: half a megabyte, or most of the records that a call may carry. */
const MUCH_BYTES = 512 * 1024;
const MUCH_ROWS = 400;

/** How long rows gather before they are sent. */
export function flushDelayMs(waiting: { bytes: number; count: number }, isWatched: boolean): number {
  const isMuch = waiting.bytes >= MUCH_BYTES || waiting.count >= MUCH_ROWS;
  return isMuch || isWatched ? FLUSH_FAST_MS : FLUSH_SLOW_MS;
}
