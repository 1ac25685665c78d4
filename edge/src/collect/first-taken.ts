// Computes the earliest time at which a message can have been accepted, from the client's times and the known error of its clock.
// A shard searches its disk no further back than this time, so the time must never be too late: a fast clock makes a message look
// younger than it is. Pure. E5; behind the stream: backend/src/tiers/suspect.ts.

import { type EventTime, LIMITS } from "@behaviour/contract";

/** How far a client's clock that was not measured may be ahead of ours without detection. */
const CLOCK_MARGIN_MS = 60_000;

/** @returns epoch milliseconds: the message cannot have been accepted before this time. */
export function firstTakenFromMs({ originalMs, sentAtMs }: EventTime, receivedAtMs: number, isRetry: boolean): number {
  const windowFromMs = receivedAtMs - LIMITS.dedupeWindowMs;
  // A message without its own time may be as old as a duplicate can be.
  if (originalMs === null) return windowFromMs;
  // On a retry, `sentAt` may be the time of the first attempt. It then says nothing about the clock.
  const isMeasured = sentAtMs !== null && !isRetry;
  // One clock wrote both times. It is ahead of ours by this much, plus at most the time that the request was in transit.
  const aheadMs = isMeasured ? Math.max(0, sentAtMs - receivedAtMs) : 0;
  const madeAtMs = originalMs - aheadMs;
  if (madeAtMs > receivedAtMs) return windowFromMs;
  return isMeasured ? madeAtMs : madeAtMs - CLOCK_MARGIN_MS;
}
