// Sorts the events of a batch into the order of the raw stream, and keeps each event once. Pure.

import type { EnrichedEvent } from "@behaviour/contract";

export interface OrderedBatch {
  /** Events by raw shard. Positions strictly increase. */
  shards: Map<string, EnrichedEvent[]>;
  /** Number of events that were in the batch more than once, at the same position. */
  repeated: number;
}

/** Overlapping records (raw 1..10, then raw 1..15) become one run. */
export function inOrder(batch: readonly EnrichedEvent[]): OrderedBatch {
  const shards = new Map<string, EnrichedEvent[]>();
  let repeated = 0;
  let rawShard: string | undefined;
  let run: EnrichedEvent[] = [];
  for (const event of batch) {
    if (event.rawShard !== rawShard) {
      rawShard = event.rawShard;
      run = shards.get(rawShard) ?? [];
      shards.set(rawShard, run);
    }
    const last = run[run.length - 1];
    if (last !== undefined && event.position <= last.position) repeated++;
    else run.push(event);
  }
  return { shards, repeated };
}

/** The events after a checkpoint, or all events if there is no checkpoint. */
export function after(events: readonly EnrichedEvent[], checkpoint: string | undefined): readonly EnrichedEvent[] {
  if (checkpoint === undefined) return events;
  const first = events.findIndex((event) => event.position > checkpoint);
  return first < 0 ? [] : events.slice(first);
}
