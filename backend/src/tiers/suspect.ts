// Decides which events are suspects, which may be duplicates of a message that arrived by another route (a client's retry through
// another region has another time, another time of receipt and another position), and how old their first copy can be. Pure.

import { type EnrichedEvent, LIMITS, TUNINGS } from "@behaviour/contract";

const MINUTE_MS = 60_000;
/** Maximum difference between the clocks of the consumers and of the edge. */
const CLOCK_MARGIN_MS = MINUTE_MS;

/**
 * An event that is read late is a suspect as well, with or without a mark: a faster copy may have been loaded before it. A
 * younger event can only be a duplicate of a still younger event, which every tier remembers.
 */
export function maySuspect(event: EnrichedEvent, nowMs: number): boolean {
  return event.suspect || nowMs - Math.min(event.timeMs, event.receivedAtMs) > TUNINGS.suspectAgeMs;
}

/**
 * The earliest time, in epoch milliseconds, at which an edge can have received the first copy. A message is sent at or after its
 * own timestamp, which is correct within the tolerated skew. If the timestamp is so far after the receipt that the client's clock
 * must be wrong, only the dedupe window bounds the search.
 */
export function firstCopyFromMs(event: EnrichedEvent): number {
  const windowFromMs = event.receivedAtMs - LIMITS.dedupeWindowMs;
  const skewMs = LIMITS.clockSkewToleratedMs;
  if (event.timeMs > event.receivedAtMs + skewMs) return windowFromMs;
  const ownFromMs = Math.min(event.timeMs, event.receivedAtMs) - skewMs - CLOCK_MARGIN_MS;
  return Math.max(ownFromMs, windowFromMs);
}
