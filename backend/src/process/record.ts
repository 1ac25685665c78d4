// What goes into the pipeline: a record of the raw stream, freed of the event-source mapping's wrapping.

import type { StreamRecord } from "../stream/event.ts";
import { shardOf } from "../stream/shard-name.ts";

export interface RawRecord {
  rawShard: string;
  sequenceNumber: string;
  /** `<shardName>/<row sequence>`: the same on a second try of the same row. */
  partitionKey: string;
  arrivedAtMs: number;
  frame: Uint8Array;
  /** When the processor read the record. A failure that is found in the record carries this time. */
  readAtMs: number;
}

export function rawRecord(record: StreamRecord, readAtMs: number): RawRecord {
  return {
    rawShard: shardOf(record),
    sequenceNumber: record.kinesis.sequenceNumber,
    partitionKey: record.kinesis.partitionKey,
    arrivedAtMs: Math.floor(record.kinesis.approximateArrivalTimestamp * 1_000),
    frame: Buffer.from(record.kinesis.data, "base64"),
    readAtMs,
  };
}
