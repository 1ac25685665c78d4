// The events of a batch in the order of the raw stream, each once. Pure.

import type { EnrichedEvent } from "@behaviour/contract";

export interface OrderedBatch {
  /** By raw shard; positions strictly increase. */
  shards: Map<string, EnrichedEvent[]>;
  /** How many stood twice in the batch, at the same position. */
  repeated: number;
}

/** Records that overlap (raw 1..10, then raw 1..15) come out as one run. */
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

/** The events after a checkpoint; all of them when there is none. */
export function after(events: readonly EnrichedEvent[], checkpoint: string | undefined): readonly EnrichedEvent[] {
  if (checkpoint === undefined) return events;
  const first = events.findIndex((event) => event.position > checkpoint);
  return first < 0 ? [] : events.slice(first);
}
