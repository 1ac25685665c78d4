// What the archive holds of a batch that the stream gave up: looked up in the objects themselves, because the plan has gone on
// since. Reads only the ids, and of the objects that a consumer wrote only those whose positions meet the batch's.

import type { S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, type EnrichedEvent } from "@behaviour/contract";
import { redrivenPrefix } from "../../stream/shard-name.ts";
import { partitionOf, positionsOfKey } from "./load-plan.ts";
import { Objects } from "./objects.ts";
import { decodeMessageIds } from "./parquet.ts";

/** An object that compaction takes away between listing and reading is in another one by then. */
const LISTINGS_MAX = 5;

/** @param ignored objects that an unfinished plan may have written, and that are about to go */
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

/** A compacted object's name says nothing of its positions. */
function mayHold(key: string, events: readonly EnrichedEvent[]): boolean {
  const [first, last] = [events[0], events.at(-1)];
  if (first === undefined || last === undefined) return false;
  const range = positionsOfKey(key);
  if (range === null) return true;
  const isOwn = range.rawShard === first.rawShard || range.rawShard.startsWith(redrivenPrefix(first.rawShard));
  return isOwn && range.first <= last.position && first.position <= range.last;
}
