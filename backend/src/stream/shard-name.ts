// Names the shards under which every consumer keeps its position: a shard of the raw stream, and separately each redriven batch
// of the shard. Pure.

import { hashId } from "@behaviour/contract";
import type { StreamRecord } from "./event.ts";

/** ARN of a stream or of its enhanced fan-out consumer: `arn:aws:kinesis:<region>:<account>:stream/<name>[/consumer/…]`. */
const STREAM_ARN = /^arn:[^:]*:kinesis:([^:]*):([^:]*):stream\/([^/]+)/;

/**
 * Names the shard uniquely among all streams, because checkpoints are kept under the name in stores that consumers of several
 * regions share: `<region>.<account>.<stream>.<shardId>`. The name fits keys of objects and items. A stream that is recreated
 * under its name keeps its shard names. This is safe, because sequence numbers grow with the time a shard was created. All
 * records of one invocation come from one shard.
 * @throws if the record does not come from a stream.
 */
export function shardOf({ eventID, eventSourceARN }: StreamRecord): string {
  const [, region, account, stream] = STREAM_ARN.exec(eventSourceARN) ?? [];
  if (stream === undefined) throw new Error(`not a stream: ${eventSourceARN}`);
  return `${region}.${account}.${stream}.${eventID.slice(0, eventID.lastIndexOf(":"))}`;
}

/**
 * The name under which a redrive keeps its own checkpoint. Each batch of the failure destination has such a name beside the raw
 * shard's name, so that the same batch has the same result however often it is redriven.
 * @param first sequence number or position of the batch's first record
 */
export function redrivenShard(rawShard: string, first: string): string {
  const { high, low } = hashId(first);
  return `${redrivenPrefix(rawShard)}${high.toString(16).padStart(8, "0")}${low.toString(16).padStart(8, "0")}`;
}

export function redrivenPrefix(rawShard: string): string {
  return `${rawShard}.redriven-`;
}

/** The raw shard of a redriven batch. Any other name is returned unchanged. */
export function originShard(rawShard: string): string {
  return rawShard.replace(REDRIVEN_SUFFIX, "");
}

const REDRIVEN_SUFFIX = /(?:\.redriven-[0-9a-f]{16})+$/;
