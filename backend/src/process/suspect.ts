// Decides whether an event may be a duplicate of a message that reached the tiers another way. A duplicate from another region's
// shard, and a redelivery whose first put was not found, always show one of these signs. The tiers look up only suspects. E11.

import { TUNINGS } from "@behaviour/contract";

export interface SuspectSigns {
  /** The client marked its request as a retry. */
  isRetry: boolean;
  /** The record was put on the stream again, by the shard or by a replay. */
  isRedelivered: boolean;
  timeMs: number;
  receivedAtMs: number;
  processedAtMs: number;
}

export function isSuspect(signs: SuspectSigns): boolean {
  const ageMs = signs.processedAtMs - Math.min(signs.timeMs, signs.receivedAtMs);
  return signs.isRetry || signs.isRedelivered || ageMs > TUNINGS.suspectAgeMs;
}
