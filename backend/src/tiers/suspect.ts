// Which events may be copies of a message that came another way (a client's retry through another region has another time,
// another time of receipt and another position), and how far back their first copy may lie. Pure.

import { type EnrichedEvent, LIMITS, TUNINGS } from "@behaviour/contract";

const MINUTE_MS = 60_000;
/** Consumers' clocks against the edge's. */
const CLOCK_MARGIN_MS = MINUTE_MS;

/**
 * What is read late is suspect too, marked or not: a copy that was faster may be there already. An event that is younger
 * than this when it is read can only be a copy of one that is younger still, which every tier remembers.
 */
export function maySuspect(event: EnrichedEvent, nowMs: number): boolean {
  return event.suspect || nowMs - Math.min(event.timeMs, event.receivedAtMs) > TUNINGS.suspectAgeMs;
}

/**
 * The earliest time, in epoch milliseconds, at which an edge can have received the first copy. A message is sent at or after
 * its own timestamp; that is right to within the tolerated skew, save when it lies so far ahead of its receipt that the
 * client's clock must be wrong: then only the window of dedupe bounds the search.
 */
export function firstCopyFromMs(event: EnrichedEvent): number {
  const windowFromMs = event.receivedAtMs - LIMITS.dedupeWindowMs;
  const skewMs = LIMITS.clockSkewToleratedMs;
  if (event.timeMs > event.receivedAtMs + skewMs) return windowFromMs;
  const ownFromMs = Math.min(event.timeMs, event.receivedAtMs) - skewMs - CLOCK_MARGIN_MS;
  return Math.max(ownFromMs, windowFromMs);
}
