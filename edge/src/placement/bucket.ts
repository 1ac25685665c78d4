// Buckets of ids: shards are picked by them, and the consent ledger is laid out by them, so a shard needs few buckets of devices.
// Their number never changes.

import { hashId, TUNINGS } from "@behaviour/contract";

export const ID_BUCKETS = TUNINGS.idBuckets;

/** Of a plain id. */
export function bucketOf(id: string): number {
  return hashId(id).low % ID_BUCKETS;
}
