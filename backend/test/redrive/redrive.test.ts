// Tests the redrive of batches whose retries a mapping exhausted, from the bucket through their consumer. The processor, tiers
// and stores are real. The test replaces the streams between them.

import { ListObjectsV2Command, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, decodeFrame, type EnrichedEvent, encodeMember, type FailedEvent } from "@behaviour/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { keepUndelivered } from "../../../local/event-source/undelivered.ts";
import { readConfig } from "../../src/config.ts";
import { databaseClient } from "../../src/database/client.ts";
import { connectProcessor } from "../../src/process/connect.ts";
import { processRecords } from "../../src/process/pipeline.ts";
import { rawRecord } from "../../src/process/record.ts";
import { type RedrivableTier, type RedriveParts, redrive } from "../../src/redrive/redriver.ts";
import { listRedriveRequests, requestRedrive, runRedriveRequests } from "../../src/redrive/requests.ts";
import { parseBatch, Undelivered } from "../../src/redrive/undelivered.ts";
import type { StreamRecord } from "../../src/stream/event.ts";
import { originShard } from "../../src/stream/shard-name.ts";
import { batchLine, frame, track } from "../process/sample.ts";
import { enrichedEvent, freshName, runOf } from "../tiers/events.ts";
import { openStores, type TierStores, tiersUnderTest } from "../tiers/stores.ts";

// A busy machine must not fail these tests.
vi.setConfig({ testTimeout: 60_000 });

const plenty = () => 300_000;
const ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/behaviour-enriched";

let stores: TierStores;
let s3: S3Client;
let project: string;
/** Whether the tiers are unreachable. */
let isDown: boolean;
const refused: FailedEvent[] = [];
const emitted: EnrichedEvent[] = [];

beforeAll(async () => {
  stores = await openStores();
  s3 = stores.s3;
}, 120_000);
afterAll(() => stores?.stop());
beforeEach(async () => {
  project = freshName("p");
  isDown = false;
  refused.length = 0;
  emitted.length = 0;
  for (const key of await keys()) await new Undelivered(s3).markRedriven({ key, text: "{}" } as never);
});

const tiers = tiersUnderTest(() => stores);
const tierOf = (name: string) => {
  const tier = tiers.find((one) => one.name === name);
  if (tier === undefined) throw new Error(name);
  return tier;
};

/** The processor, with a list in place of the enriched stream. */
function processor() {
  const config = { ...stores.config, vaultHmacKey: "a-key-for-tests-of-32-bytes-or-more" };
  const put = async (_shard: string, frames: readonly Uint8Array[]) => {
    for (const one of frames) for (const { value } of decodeFrame(one)) emitted.push(value as EnrichedEvent);
  };
  return { ...connectProcessor(config), enriched: { put } };
}

function parts(): RedriveParts {
  return {
    undelivered: new Undelivered(s3),
    processor,
    storeFailed: async (failed) => void refused.push(...failed),
    tier: (name) => {
      const tier = tierOf(name).open() as RedrivableTier;
      if (!isDown) return tier;
      return { ...tier, name, load: fail, redrive: fail, locate: async () => null };
    },
  };
}
const fail = () => Promise.reject(new Error("out of reach"));

const sequences = { next: 49_640_000 };
function streamRecord(data: Uint8Array, shardId = "shardId-000000000000"): StreamRecord {
  const sequenceNumber = String(++sequences.next);
  return {
    eventID: `${shardId}:${sequenceNumber}`,
    eventSourceARN: ARN,
    kinesis: {
      // Each record comes from its own row of the shard's buffer.
      partitionKey: `row/${sequenceNumber}`,
      sequenceNumber,
      data: Buffer.from(data).toString("base64"),
      approximateArrivalTimestamp: Date.now() / 1_000,
    },
  };
}
const framesOf = (events: readonly EnrichedEvent[]) => encodeMember(events.map((event) => JSON.stringify(event)));

/** Writes the batch as the single machine's mapping does. */
function giveUp(consumer: string, records: readonly StreamRecord[]) {
  return keepUndelivered(s3, {
    consumer,
    streamArn: ARN,
    shardId: "shardId-000000000000",
    condition: "RetryAttemptsExhausted",
    problem: "test",
    records: records.map(({ kinesis }) => ({
      sequence: kinesis.sequenceNumber,
      partitionKey: kinesis.partitionKey,
      data: Buffer.from(kinesis.data, "base64"),
      arrivalMs: kinesis.approximateArrivalTimestamp * 1_000,
    })),
  });
}

async function keys(prefix = ""): Promise<string[]> {
  const listed = await s3.send(new ListObjectsV2Command({ Bucket: BUCKETS.undelivered, Prefix: prefix }));
  return (listed.Contents ?? [])
    .map(({ Key }) => Key ?? "")
    .filter((key) => prefix !== "" || !key.startsWith("redriven/"));
}

const all = { dryRun: false, limit: 100 };

describe("a batch of a tier", () => {
  it.each(["hot", "warm", "cold"])("is loaded into %s and moved to the redriven batches", async (name) => {
    const events = runOf({ project, rawShard: freshName("s"), count: 20 });
    const live = tierOf(name).open();
    await live.load(events.slice(0, 5));
    await live.load(events.slice(15));
    const data = framesOf(events.slice(5, 15));
    await giveUp(name, [streamRecord(data), streamRecord(Buffer.from("no frame"))]);
    const [key] = await keys();
    expect(await redrive(parts(), { ...all, dryRun: true }, plenty)).toMatchObject([
      { key, consumer: name, records: 2, condition: "RetryAttemptsExhausted", outcome: "waiting" },
    ]);
    expect(await redrive(parts(), all, plenty)).toMatchObject([
      { outcome: "redriven", counts: { loaded: 10, failed: 1 } },
    ]);
    expect((await tierOf(name).holds(project)).events).toBe(20);
    expect(refused).toMatchObject([{ code: "unreadable_frame", stage: name }]);
    expect([await keys(), await keys("redriven/")]).toEqual([[], expect.arrayContaining([`redriven/${key}`])]);
    expect(await redrive(parts(), all, plenty)).toEqual([]);
  });

  it("stays in the bucket if another consumer is requested, the tier is down, or there is no time", async () => {
    const events = runOf({ project, rawShard: freshName("s"), count: 2 });
    await giveUp("warm", [streamRecord(framesOf(events))]);
    await giveUp("warm", [streamRecord(framesOf(events))]);
    expect(await redrive(parts(), { ...all, consumer: "hot" }, plenty)).toEqual([]);
    isDown = true;
    expect((await redrive(parts(), all, plenty)).map(({ outcome }) => outcome)).toEqual(["failed", "skipped"]);
    isDown = false;
    expect((await redrive(parts(), all, () => 1_000)).map(({ outcome }) => outcome)).toEqual(["waiting", "waiting"]);
    expect((await redrive(parts(), all, plenty)).map(({ outcome }) => outcome)).toEqual(["redriven", "redriven"]);
    expect((await tierOf("warm").holds(project)).events).toBe(2);
  });

  it("is redriven on request, in as many runs as necessary", async () => {
    const database = databaseClient(readConfig({ DATABASE_URL: stores.url, DATABASE_CONNECTIONS: "1" }));
    const events = runOf({ project, rawShard: freshName("s"), count: 3 });
    await giveUp("hot", [streamRecord(framesOf(events))]);
    const request = await requestRedrive(database, "hot", "k_1", Date.now());
    expect(await runRedriveRequests(database, parts(), () => 1_000, Date.now)).toMatchObject({ finished: 0 });
    expect(await runRedriveRequests(database, parts(), plenty, Date.now)).toEqual({
      redriven: 1,
      failed: 0,
      finished: 1,
    });
    expect(await runRedriveRequests(database, parts(), plenty, Date.now)).toMatchObject({ finished: 0 });
    expect((await listRedriveRequests(database))[0]).toMatchObject({
      id: request.id,
      redriven: 1,
      failed: 0,
      problem: null,
    });
    await database.$client.end();
  });
});

describe("a batch of the processor", () => {
  const rawBatch = (ids: readonly string[]) =>
    streamRecord(
      frame([
        batchLine(
          ids.map((id) => track(id)),
          { project, receivedAtMs: Date.now() },
        ),
      ]),
    );

  it("reaches every tier once, after any part was emitted and for any number of redrives", async () => {
    const [first, second, third] = [rawBatch(["a", "b"]), rawBatch(["c", "d"]), rawBatch(["e"])];
    const live = async (records: StreamRecord[]) => {
      const start = emitted.length;
      await processRecords(processor(), records.map(rawRecord), plenty);
      return emitted.slice(start);
    };
    // The processor emitted the first record's events before the batch failed for the last time. The stream went on.
    const before = await live([first]);
    const after = await live([third]);
    await giveUp("process", [first, second]);
    const again = async () => {
      const start = emitted.length;
      const redriven = await redrive(parts(), all, plenty);
      return { redriven, events: emitted.slice(start) };
    };
    const once = await again();
    expect(once.redriven).toMatchObject([
      { outcome: "redriven", counts: { received: 4, processed: 4, redelivered: 0 } },
    ]);
    await giveUp("process", [first, second]);
    const twice = await again();
    expect(twice.events.map(({ position, rawShard }) => [position, rawShard])).toEqual(
      once.events.map(({ position, rawShard }) => [position, rawShard]),
    );
    expect(once.events.every((event) => event.suspect && originShard(event.rawShard) !== event.rawShard)).toBe(true);
    for (const { name, open, holds } of tiers) {
      const tier = open();
      for (const events of [before, after, once.events, twice.events]) await tier.load(events);
      expect([name, (await holds(project)).events]).toEqual([name, 5]);
    }
  });

  it("stores an unreadable record once, under the same failed-event id", async () => {
    const broken = streamRecord(Buffer.from("no frame"));
    const start = Date.now() - 60_000;
    const parted = processor();
    await processRecords(parted, [rawRecord(broken, Date.now())], plenty);
    await giveUp("process", [broken]);
    expect(await redrive(parts(), all, plenty)).toMatchObject([{ outcome: "redriven", counts: { failed: 1 } }]);
    const store = parted.failedEvents as unknown as { list(query: object): Promise<FailedEvent[]> };
    const kept = await store.list({ project: "unknown", fromMs: start, toMs: Date.now() + 60_000, limit: 100 });
    expect(kept.filter(({ id }) => id.includes(broken.kinesis.sequenceNumber))).toHaveLength(1);
  });
});

describe("an object in the bucket", () => {
  const lambdas = (changes: Record<string, unknown> = {}) => ({
    requestContext: {
      requestId: "c9b8fa9f-5a7f-xmpl-af9c-0c604cde93a5",
      functionArn: "arn:aws:lambda:us-east-1:123456789012:function:behaviour-prod-warm:live",
      condition: "RecordAgeExceeded",
      approximateInvokeCount: 5,
    },
    responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
    version: "1.0",
    timestamp: "2026-11-25T00:38:06.021Z",
    KinesisBatchInfo: { shardId: "shardId-000000000001", batchSize: 1, streamArn: ARN },
    payload: { Records: [streamRecord(framesOf([enrichedEvent({ project: "p", rawShard: "s" })]))] },
    ...changes,
  });

  it("may come from Lambda, with its payload as an object or as text", () => {
    const body = lambdas();
    const expected = { consumer: "warm", condition: "RecordAgeExceeded", shardId: "shardId-000000000001" };
    expect(parseBatch("k", JSON.stringify(body))).toMatchObject(expected);
    const asText = { ...body, payload: JSON.stringify(body.payload) };
    expect(parseBatch("k", JSON.stringify(asText))).toMatchObject({ ...expected, records: body.payload.Records });
  });

  it.each([
    ["invalid JSON", "{", "not a batch of an event-source mapping"],
    [
      "a batch of another function",
      JSON.stringify({ ...lambdas(), requestContext: { functionArn: "x:thumbnails", condition: "" } }),
      "of a function that is not known",
    ],
    [
      "a batch without a payload, as SQS destinations receive it",
      JSON.stringify({ ...lambdas(), payload: undefined }),
      "not a batch of an event-source mapping",
    ],
    [
      "a batch with a truncated payload",
      JSON.stringify({ ...lambdas(), payload: '{"Records":[{' }),
      "without its records",
    ],
  ])("is reported as unreadable: %s", async (_name, text, problem) => {
    expect(parseBatch("k", text)).toEqual({ key: "k", problem });
    await s3.send(new PutObjectCommand({ Bucket: BUCKETS.undelivered, Key: "aws/lambda/x", Body: text }));
    expect(await redrive(parts(), all, plenty)).toMatchObject([
      { key: "aws/lambda/x", outcome: "unreadable", problem },
    ]);
    expect(await keys()).toEqual(["aws/lambda/x"]);
  });
});
