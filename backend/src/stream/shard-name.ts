// Names of shards, under which every consumer keeps its position: a shard of the raw stream, and beside it a batch of the shard
// that was redriven. Pure.

import { hashId } from "@behaviour/contract";
import type { StreamRecord } from "./event.ts";

/** Of a stream, and of an enhanced fan-out consumer of one: `arn:aws:kinesis:<region>:<account>:stream/<name>[/consumer/…]`. */
const STREAM_ARN = /^arn:[^:]*:kinesis:([^:]*):([^:]*):stream\/([^/]+)/;

/**
 * Names the shard apart from every other stream's, because checkpoints are kept under it in stores that several regions'
 * consumers share: `<region>.<account>.<stream>.<shardId>`. Fit for keys of objects and items. A stream that is made anew
 * under its name goes on under the same one: sequence numbers grow with the time a shard was made. All records of one
 * invocation come from one shard.
 * @throws for a record of anything but a stream.
 */
export function shardOf({ eventID, eventSourceARN }: StreamRecord): string {
  const [, region, account, stream] = STREAM_ARN.exec(eventSourceARN) ?? [];
  if (stream === undefined) throw new Error(`not a stream: ${eventSourceARN}`);
  return `${region}.${account}.${stream}.${eventID.slice(0, eventID.lastIndexOf(":"))}`;
}

/**
 * What a redrive keeps its own checkpoint under: a name beside the raw shard's, one for each batch that the stream gave up, so
 * that the same batch comes out the same however often it is redriven.
 * @param first sequence number or position of its first record
 */
export function redrivenShard(rawShard: string, first: string): string {
  const { high, low } = hashId(first);
  return `${redrivenPrefix(rawShard)}${high.toString(16).padStart(8, "0")}${low.toString(16).padStart(8, "0")}`;
}

export function redrivenPrefix(rawShard: string): string {
  return `${rawShard}.redriven-`;
}

/** The raw shard whose batch it was; any other name is its own. */
export function originShard(rawShard: string): string {
  return rawShard.replace(REDRIVEN_SUFFIX, "");
}

const REDRIVEN_SUFFIX = /(?:\.redriven-[0-9a-f]{16})+$/;
