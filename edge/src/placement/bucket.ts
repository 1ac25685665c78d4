// Assigns ids to buckets. An id's bucket chooses its shard and its place in the consent ledger, so a shard needs few buckets of
// devices. The number of buckets never changes.

import { hashId, TUNINGS } from "@behaviour/contract";

export const ID_BUCKETS = TUNINGS.idBuckets;

/** The bucket of a plain id. */
export function bucketOf(id: string): number {
  return hashId(id).low % ID_BUCKETS;
}
