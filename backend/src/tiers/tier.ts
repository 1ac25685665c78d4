// What every tier promises. A tier is a consumer of the enriched stream; who calls it, retries and checkpoints of the
// stream are in ../lambdas. The stream repeats itself (a consumer that fails half-way is given the same records again, and
// the processor writes records that overlap), so each tier keeps how far it has come in each shard of the raw stream.

import type { EnrichedEvent } from "@behaviour/contract";

export type TierName = "hot" | "warm" | "cold";

/** What became of each event of a batch: the fields add up to its length. */
export interface LoadResult {
  /** Took effect now. */
  loaded: number;
  /** Were at or before the checkpoint: took effect earlier. */
  repeated: number;
  /** The same message came another way and took effect already. */
  copies: number;
  /** Received longer ago than this tier keeps anything. */
  outdated: number;
  /** The store refuses their values: they are in the failed-events store. */
  failed: number;
}

export interface Tier {
  readonly name: TierName;
  /**
   * Resolves only when every event of the batch has had its effect exactly once, or is among the failed events. Events of
   * one raw shard must come in the order of their positions, from the first that no load resolved for; the same ones may
   * come again, cut differently, and after a load that threw at any point.
   * @throws when the store is out of reach: nothing is decided then, and the same batch must be given again.
   */
  load(batch: readonly EnrichedEvent[]): Promise<LoadResult>;
  /**
   * When this tier took the message, as ISO 8601; null when it does not hold it.
   * @param receivedAtMs when the edge received it, if known: the search starts there and is cheaper
   */
  locate(project: string, messageId: string, receivedAtMs?: number): Promise<string | null>;
}

export function emptyResult(): LoadResult {
  return { loaded: 0, repeated: 0, copies: 0, outdated: 0, failed: 0 };
}

export function addResult(sum: LoadResult, part: LoadResult): void {
  sum.loaded += part.loaded;
  sum.repeated += part.repeated;
  sum.copies += part.copies;
  sum.outdated += part.outdated;
  sum.failed += part.failed;
}
