// The bounds of one shard, from the tables in contract/. The object takes them through its constructor, so that a test can build
// a shard that is full after ten events.

import { LIMITS, TUNINGS } from "@behaviour/contract";

export type ShardBounds = Readonly<
  Record<
    | "shardPendingBytes"
    | "shardHighWaterBytes"
    | "shardLowWaterBytes"
    | "shardEventsDatabaseBytes"
    | "shardDatabaseBytes"
    | "callDeadlineMs"
    | "dedupeMemoryIds"
    | "dedupeRunIds",
    number
  >
>;

export const SHARD_BOUNDS: ShardBounds = {
  shardPendingBytes: LIMITS.shardPendingBytes,
  shardHighWaterBytes: LIMITS.shardHighWaterBytes,
  shardLowWaterBytes: LIMITS.shardLowWaterBytes,
  shardEventsDatabaseBytes: LIMITS.shardEventsDatabaseBytes,
  shardDatabaseBytes: LIMITS.shardDatabaseBytes,
  callDeadlineMs: LIMITS.callDeadlineMs,
  dedupeMemoryIds: TUNINGS.dedupeMemoryIds,
  dedupeRunIds: TUNINGS.dedupeRunIds,
};
