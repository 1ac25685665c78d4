/**
 * Computes events per second from counts per minute: the difference of two successive answers is the number of events
 * between them. The meter only remembers the last answers, and the caller passes the time.
 */
import type { MinuteCount } from "../api/types.ts";

export interface RateSample {
  /** Time of the answer, epoch milliseconds. */
  atMs: number;
  /** Time since the previous answer. */
  elapsedMs: number;
  /** Number of events in that time. */
  events: number;
}

/** The big number is the mean over this window: long enough to be readable, short enough to be current. */
const NOW_WINDOW_MS = 5_000;
/** How far back the samples go. */
export const STRIP_WINDOW_MS = 60_000;
/** After a longer gap (a hidden tab, an outage) the events in between cannot be assigned to single seconds. */
const MAX_GAP_MS = 10_000;
const MINUTE_MS = 60_000;

export class RateMeter {
  #previous: Map<number, number> | undefined;
  #previousAtMs = 0;
  #samples: RateSample[] = [];

  /** The samples of the last minute, oldest first. */
  get samples(): readonly RateSample[] {
    return this.#samples;
  }

  add(perMinute: readonly MinuteCount[], nowMs: number): void {
    const current = new Map(perMinute.map(({ minute, events }) => [Date.parse(minute), events]));
    const elapsedMs = nowMs - this.#previousAtMs;
    if (this.#previous && elapsedMs > MAX_GAP_MS) this.#samples = [];
    else if (this.#previous && elapsedMs > 0) {
      this.#samples.push({ atMs: nowMs, elapsedMs, events: newEvents(this.#previous, current) });
    }
    this.#samples = this.#samples.filter((sample) => sample.atMs > nowMs - STRIP_WINDOW_MS);
    this.#previous = current;
    this.#previousAtMs = nowMs;
  }

  /** Events per second now. Before there are two answers, the mean of the newest minute that is long enough to judge. */
  perSecond(nowMs: number): number {
    const recent = this.#samples.filter((sample) => sample.atMs > nowMs - NOW_WINDOW_MS);
    const elapsedMs = recent.reduce((sum, sample) => sum + sample.elapsedMs, 0);
    if (elapsedMs > 0) return (recent.reduce((sum, sample) => sum + sample.events, 0) * 1_000) / elapsedMs;
    return this.#estimate(nowMs);
  }

  #estimate(nowMs: number): number {
    const minute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
    const intoMinuteMs = nowMs - minute;
    const thisMinute = this.#previous?.get(minute) ?? 0;
    if (intoMinuteMs >= 10_000) return (thisMinute * 1_000) / intoMinuteMs;
    return (this.#previous?.get(minute - MINUTE_MS) ?? 0) / 60;
  }
}

/** How many more events `current` has than `previous`. An expired minute or a corrected count does not reduce the number. */
function newEvents(previous: Map<number, number>, current: Map<number, number>): number {
  const oldestKnown = Math.min(...previous.keys());
  let count = 0;
  for (const [minute, events] of current) {
    if (minute >= oldestKnown) count += Math.max(0, events - (previous.get(minute) ?? 0));
  }
  return count;
}
