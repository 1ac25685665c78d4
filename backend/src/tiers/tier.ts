// Defines the interface of a tier, which is a consumer of the enriched stream. Its invocations and retries are in ../lambdas. The
// stream repeats events (a consumer that fails half-way gets the same records again, and the processor writes overlapping
// records), so each tier stores a checkpoint for each shard of the raw stream.

import type { EnrichedEvent } from "@behaviour/contract";

export type TierName = "hot" | "warm" | "cold";

/** The outcome of the events of a batch. The fields add up to its length. */
export interface LoadResult {
  /** Events that took effect now. */
  loaded: number;
  /** Events at or before the checkpoint, which took effect earlier. */
  repeated: number;
  /** Duplicates of a message that arrived by another route and has taken effect. */
  copies: number;
  /** Events that were received before this tier's retention. */
  outdated: number;
  /** Events whose values the store refuses. They are stored as failed events. */
  failed: number;
}

export interface Tier {
  readonly name: TierName;
  /**
   * Resolves only when every event of the batch has had its effect exactly once, or is stored as a failed event. Events of one
   * raw shard must be passed in the order of their positions, from the first event that no load has resolved for. The same
   * events may be passed again in other batches, and after a load that threw at any point.
   * @throws if the store cannot be reached. Nothing is decided then, and the same batch must be passed again.
   */
  load(batch: readonly EnrichedEvent[]): Promise<LoadResult>;
  /**
   * The time at which this tier loaded the message, as ISO 8601; null if it does not hold the message.
   * @param receivedAtMs the time of receipt at the edge, if known. The search starts there and is cheaper.
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
