// Turns a record of the event-source mapping into a record of the raw stream, the pipeline's input.

import type { StreamRecord } from "../stream/event.ts";
import { shardOf } from "../stream/shard-name.ts";

export interface RawRecord {
  rawShard: string;
  sequenceNumber: string;
  /** `<shardName>/<row sequence>`. A redelivery of the same row has the same key. */
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
