// How far back the first copy of a message can lie, by what the client's clock says and what is known of that clock. A shard
// looks no further back on its disk than this, so it must never be too late: a fast clock makes a message look younger than
// it is. Pure. E5; behind the stream: backend/src/tiers/suspect.ts.

import { type EventTime, LIMITS } from "@behaviour/contract";

/** What a clock nobody could measure may be ahead of ours without being seen to be. */
const CLOCK_MARGIN_MS = 60_000;

/** @returns epoch milliseconds: no copy of the message was taken before. */
export function firstTakenFromMs({ originalMs, sentAtMs }: EventTime, receivedAtMs: number, isRetry: boolean): number {
  const windowFromMs = receivedAtMs - LIMITS.dedupeWindowMs;
  // Without a time of its own it may be as old as a copy can be.
  if (originalMs === null) return windowFromMs;
  // On a retry `sentAt` may be that of the first try, and then says nothing of the clock.
  const isMeasured = sentAtMs !== null && !isRetry;
  // One clock wrote both: it is ahead of ours by this much at least, and by more only as long as the request was under way.
  const aheadMs = isMeasured ? Math.max(0, sentAtMs - receivedAtMs) : 0;
  const madeAtMs = originalMs - aheadMs;
  if (madeAtMs > receivedAtMs) return windowFromMs;
  return isMeasured ? madeAtMs : madeAtMs - CLOCK_MARGIN_MS;
}
