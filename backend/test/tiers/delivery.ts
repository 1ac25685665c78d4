// Delivers the enriched stream to a tier in the worst way that an event-source mapping allows: every batch three times, with the
// repeats divided differently and in any later order, a batch halved after a failure, and a new process after each crash. It
// keeps the one promise of a mapping: the first delivery of a shard's records follows their order.

import { type EnrichedEvent, encodeMember, type FailedEvent } from "@behaviour/contract";
import type { StreamRecord } from "../../src/stream/event.ts";
import { consumeRecords } from "../../src/tiers/consumer.ts";
import type { Tier } from "../../src/tiers/tier.ts";
import { Crash } from "./crash.ts";

const EVENTS_PER_RECORD = 5;
const BATCH_RECORDS = 6;
const TIMES = 3;
/** Without this limit, a fault that does not end would loop forever. */
const TRIES_MAX = 2_000;

export interface DeliveryParts {
  /** Opens the tier of a new process. */
  open(): Tier;
  storeFailed: (failed: readonly FailedEvent[]) => Promise<void>;
  random: () => number;
}

export function recordsOf(events: readonly EnrichedEvent[], perRecord = EVENTS_PER_RECORD): StreamRecord[] {
  const records: StreamRecord[] = [];
  for (let start = 0; start < events.length; start += perRecord) {
    const lines = events.slice(start, start + perRecord).map((event) => JSON.stringify(event));
    records.push(streamRecord(events[0]?.rawShard ?? "", start, encodeMember(lines)));
  }
  return records;
}

export function streamRecord(shardId: string, place: number, data: Uint8Array): StreamRecord {
  const sequenceNumber = String(49_640_000_000 + place);
  return {
    eventID: `${shardId}:${sequenceNumber}`,
    eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/behaviour-enriched",
    kinesis: {
      partitionKey: shardId,
      sequenceNumber,
      data: Buffer.from(data).toString("base64"),
      approximateArrivalTimestamp: Date.now() / 1_000,
    },
  };
}

/** @param shards the records of each shard of the stream, in order. @returns how many deliveries it took */
export async function deliver(parts: DeliveryParts, shards: readonly StreamRecord[][]): Promise<number> {
  const { random } = parts;
  const progress = shards.map((records) => ({ records, next: 0, batchRecords: BATCH_RECORDS }));
  const again: StreamRecord[][] = [];
  let tier = parts.open();
  let deliveries = 0;

  const invoke = async (batch: readonly StreamRecord[]): Promise<number> => {
    deliveries++;
    const remaining = random() < 0.1 ? () => 0 : () => 60_000;
    const { answer, fault } = await consumeRecords({ tier, storeFailed: parts.storeFailed }, batch, remaining);
    if (fault instanceof Crash) tier = parts.open();
    const [failure] = answer.batchItemFailures;
    if (failure === undefined) return batch.length;
    return batch.findIndex((record) => record.kinesis.sequenceNumber === failure.itemIdentifier);
  };

  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const unfinished = progress.filter(({ records, next }) => next < records.length);
    if (unfinished.length === 0 && again.length === 0) return deliveries;
    const repeats = again.length > 0 && (unfinished.length === 0 || random() < 0.5);
    if (repeats) {
      const [batch] = again.splice(Math.floor(random() * again.length), 1);
      // A repeated delivery may fail too. Its first delivery has already had its effect.
      if (batch !== undefined) await invoke(batch);
      continue;
    }
    const shard = unfinished[Math.floor(random() * unfinished.length)];
    if (shard === undefined) continue;
    const batch = shard.records.slice(shard.next, shard.next + shard.batchRecords);
    const done = await invoke(batch);
    shard.batchRecords = done > 0 ? BATCH_RECORDS : Math.max(1, Math.floor(shard.batchRecords / 2));
    for (let time = 1; done > 0 && time < TIMES; time++) again.push(cutAnew(shard.records, shard.next, done, random));
    shard.next += done;
  }
  throw new Error("the stream was not delivered: a fault does not end");
}

/** The finished records and some records before them, all of which were delivered before. */
function cutAnew(records: readonly StreamRecord[], next: number, done: number, random: () => number): StreamRecord[] {
  const from = Math.max(0, next - Math.floor(random() * BATCH_RECORDS));
  return records.slice(from, next + done);
}
