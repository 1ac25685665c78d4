// Finds the events of a batch from the failure destination that the archive holds. It reads the objects, because the plan has
// moved on since. It reads only the ids, and of a consumer's objects only those whose positions overlap the batch.

import type { S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, type EnrichedEvent } from "@behaviour/contract";
import { redrivenPrefix } from "../../stream/shard-name.ts";
import { partitionOf, positionsOfKey } from "./load-plan.ts";
import { Objects } from "./objects.ts";
import { decodeMessageIds } from "./parquet.ts";

/**
 * If a compaction deletes an object between listing and reading, its events are in another object, so the listing is repeated.
 */
const LISTINGS_MAX = 5;

/** @param ignored objects that an incomplete plan may have written, and that will be deleted */
export async function storedAmong(
  s3: S3Client,
  run: readonly EnrichedEvent[],
  ignored: ReadonlySet<string>,
): Promise<Set<EnrichedEvent>> {
  const objects = new Objects(s3, BUCKETS.events);
  const stored = new Set<EnrichedEvent>();
  for (const [partition, events] of Map.groupBy(run, partitionOf)) {
    const messageIds = await storedIds(objects, partition, events, ignored);
    for (const event of events) if (messageIds.has(event.messageId)) stored.add(event);
  }
  return stored;
}

async function storedIds(
  objects: Objects,
  partition: string,
  events: readonly EnrichedEvent[],
  ignored: ReadonlySet<string>,
): Promise<Set<string>> {
  const read = new Map<string, readonly string[]>();
  for (let listing = 0; listing < LISTINGS_MAX; listing++) {
    let complete = true;
    for await (const { key } of objects.list(`${partition}/`)) {
      if (read.has(key) || ignored.has(key) || !mayHold(key, events)) continue;
      const bytes = await objects.get(key);
      if (bytes === null) complete = false;
      else read.set(key, await decodeMessageIds(bytes));
    }
    if (complete) return new Set([...read.values()].flat());
  }
  throw new Error(`the objects of ${partition} are rewritten too fast to be read`);
}

/** The name of a compacted object does not contain its positions. */
function mayHold(key: string, events: readonly EnrichedEvent[]): boolean {
  const [first, last] = [events[0], events.at(-1)];
  if (first === undefined || last === undefined) return false;
  const range = positionsOfKey(key);
  if (range === null) return true;
  const isOwn = range.rawShard === first.rawShard || range.rawShard.startsWith(redrivenPrefix(first.rawShard));
  return isOwn && range.first <= last.position && first.position <= range.last;
}
