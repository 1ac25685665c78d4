// May this be a copy of a message that reached the tiers another way? A copy through another region's shard, or a
// second try whose first one was not found, always carries one of these marks; the tiers look up suspects only. E11.

import { TUNINGS } from "@behaviour/contract";

export interface SuspectSigns {
  /** The client said that it sent it before. */
  isRetry: boolean;
  /** The shard put its record on the stream a second time. */
  isRedelivered: boolean;
  timeMs: number;
  receivedAtMs: number;
  processedAtMs: number;
}

export function isSuspect(signs: SuspectSigns): boolean {
  const ageMs = signs.processedAtMs - Math.min(signs.timeMs, signs.receivedAtMs);
  return signs.isRetry || signs.isRedelivered || ageMs > TUNINGS.suspectAgeMs;
}
