// Tests the consumer around a tier, as the event-source mapping calls it: the records it stores as failed events, and the record
// at which it asks to resume.

import { type EnrichedEvent, encodeMember, type FailedEvent } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import type { StreamRecord } from "../../src/stream/event.ts";
import { consumeRecords } from "../../src/tiers/consumer.ts";
import { emptyResult, type Tier } from "../../src/tiers/tier.ts";
import { enrichedEvent, runOf } from "./events.ts";

function record(sequenceNumber: string, data: Uint8Array): StreamRecord {
  return {
    eventID: `shardId-000000000000:${sequenceNumber}`,
    eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/behaviour-enriched",
    kinesis: {
      partitionKey: "shardId-000000000001",
      sequenceNumber,
      data: Buffer.from(data).toString("base64"),
      approximateArrivalTimestamp: 1_764_032_400,
    },
  };
}

const frameOf = (values: readonly unknown[]) => encodeMember(values.map((value) => JSON.stringify(value)));

/** A tier that records its events, and fails at the event with this id. */
function memoryTier(failsAt?: string): Tier & { loaded: EnrichedEvent[] } {
  const loaded: EnrichedEvent[] = [];
  return {
    name: "hot",
    loaded,
    load: async (batch) => {
      if (batch.some((event) => event.messageId === failsAt)) throw new Error("store is down");
      loaded.push(...batch);
      return { ...emptyResult(), loaded: batch.length };
    },
    locate: async () => null,
  };
}

const plenty = () => 300_000;

describe("consumeRecords", () => {
  it("loads the events of all records, in order", async () => {
    const events = runOf({ project: "p", rawShard: "s", count: 20 });
    const tier = memoryTier();
    const records = [record("1", frameOf(events.slice(0, 12))), record("2", frameOf(events.slice(12)))];
    const { answer, result } = await consumeRecords({ tier, storeFailed: async () => {} }, records, plenty);
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(result.loaded).toBe(20);
    expect(tier.loaded).toEqual(events);
  });

  it("stores invalid frames, invalid JSON and invalid events as failed events, and blocks no other event", async () => {
    const [good] = runOf({ project: "p", rawShard: "s", count: 1 });
    const outOfRange = enrichedEvent({ project: "p", rawShard: "s", timeMs: 1e18 });
    const failed: FailedEvent[] = [];
    const tier = memoryTier();
    const records = [
      record("1", Buffer.from("no gzip")),
      record(
        "2",
        encodeMember(["{ no json", JSON.stringify({ v: 9 }), JSON.stringify(outOfRange), JSON.stringify(good)]),
      ),
      record("3", new Uint8Array()),
    ];
    const { answer, result } = await consumeRecords(
      { tier, storeFailed: async (some) => void failed.push(...some) },
      records,
      plenty,
    );
    expect(answer.batchItemFailures).toEqual([]);
    expect(tier.loaded).toEqual([good]);
    expect(result).toMatchObject({ loaded: 1, failed: 5 });
    expect(failed.map(({ code, project }) => [code, project])).toEqual([
      ["unreadable_frame", "unknown"],
      ["invalid_event", "unknown"],
      ["invalid_event", "unknown"],
      ["invalid_event", "p"],
      ["unreadable_frame", "unknown"],
    ]);
    expect(new Set(failed.map(({ id }) => id)).size).toBe(5);
  });

  it("resumes at the first record that is not loaded if the store is down", async () => {
    const events = runOf({ project: "p", rawShard: "s", count: 24_000 });
    const records = [0, 8_000, 16_000].map((start) =>
      record(String(start), frameOf(events.slice(start, start + 8_000))),
    );
    const tier = memoryTier(events[17_000]?.messageId);
    const { answer, fault } = await consumeRecords({ tier, storeFailed: async () => {} }, records, plenty);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "16000" }] });
    expect(fault).toBeInstanceOf(Error);
    expect(tier.loaded).toHaveLength(16_000);
  });

  it("loads no event of a record whose failed events can't be stored", async () => {
    const tier = memoryTier();
    const records = [
      record("1", encodeMember(["no json", JSON.stringify(runOf({ project: "p", rawShard: "s", count: 1 })[0])])),
    ];
    const storeFailed = () => Promise.reject(new Error("store is down"));
    const { answer } = await consumeRecords({ tier, storeFailed }, records, plenty);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
    expect(tier.loaded).toEqual([]);
  });

  it("returns the records that it has no time for, but always loads the first", async () => {
    const events = runOf({ project: "p", rawShard: "s", count: 18_000 });
    const records = [0, 9_000].map((start) => record(String(start), frameOf(events.slice(start, start + 9_000))));
    const tier = memoryTier();
    const { answer, fault } = await consumeRecords({ tier, storeFailed: async () => {} }, records, () => 1_000);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "9000" }] });
    expect(fault).toBeNull();
    expect(tier.loaded).toHaveLength(9_000);
  });
});
