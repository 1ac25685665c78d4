// Tests the processor through its handler on real emulators: exactness across crashes, duplicates and poison. E8, E11.

import { gzipSync } from "node:zlib";
import { PutItemCommand } from "@aws-sdk/client-dynamodb";
import { EnrichedEvent, type FailedEvent, TABLES } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { dynamodbClient } from "../../src/aws.ts";
import { handler } from "../../src/lambdas/process.ts";
import { type ProcessorParts, processRecords } from "../../src/process/pipeline.ts";
import { type RawRecord, rawRecord } from "../../src/process/record.ts";
import type { StreamRecord } from "../../src/stream/event.ts";
import { asConsumed, type Emulated, startEmulated } from "./emulators.ts";
import { batchLine, eventLine, frame, shopEvent, track } from "./sample.ts";

// The timeouts only end tests that hang. The emulators share two cores with other work.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

let emulated: Emulated;
beforeAll(async () => {
  emulated = await startEmulated();
});
afterAll(async () => {
  await emulated.stop();
});

const FIRST_SEQUENCE = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n;
let shards = 0;

/** Each test has its own raw shard, so that no test sees the ledger or the events of another test. */
function rawShard(): { name: string; record: (offset: number, bytes: Uint8Array, key?: string) => StreamRecord } {
  const shardId = `shardId-${String(shards++).padStart(12, "0")}`;
  return {
    name: `us-east-1.000000000000.behaviour-raw.${shardId}`,
    record: (offset, bytes, key = `shop-eu-0/${offset}`) => {
      const sequenceNumber = String(FIRST_SEQUENCE + BigInt(offset));
      return {
        eventID: `${shardId}:${sequenceNumber}`,
        eventSourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/behaviour-raw",
        kinesis: {
          partitionKey: key,
          sequenceNumber,
          data: Buffer.from(bytes).toString("base64"),
          approximateArrivalTimestamp: Date.now() / 1_000,
        },
      };
    },
  };
}

const BULKY_EVENTS = 150;

/** About 3.6 MB of text. A few of these frames make the processor write more than once in an invocation. */
function bulkyFrame(): Uint8Array {
  const properties = { a: "x".repeat(8_000), b: "y".repeat(8_000), c: "z".repeat(8_000) };
  return frame([
    batchLine(Array.from({ length: BULKY_EVENTS }, (_, index) => track(`bulky-${index}`, { properties }))),
  ]);
}

const context = { functionName: "process", awsRequestId: "test", getRemainingTimeInMillis: () => 60_000 };
const invoke = (records: StreamRecord[]) => handler({ Records: records }, context);
const ids = (events: readonly EnrichedEvent[]) => events.map((event) => event.messageId);

async function failures(project = "shop"): Promise<FailedEvent[]> {
  const dayMs = 86_400_000;
  return emulated.failedEvents.list({ project, fromMs: Date.now() - dayMs, toMs: Date.now() + dayMs, limit: 1_000 });
}

describe("an invocation", () => {
  it("emits every event once, in order, enriched and without any client's id", async () => {
    const shard = rawShard();
    const events = Array.from({ length: 250 }, (_, index) => shopEvent(index));
    const answer = await invoke([
      shard.record(0, frame([batchLine(events.slice(0, 100)), batchLine(events.slice(100, 150))])),
      shard.record(1, frame([batchLine(events.slice(150))])),
    ]);
    expect(answer).toEqual({ batchItemFailures: [] });
    const emitted = await emulated.emitted(shard.name);
    expect(ids(emitted)).toEqual(events.map((event) => event.messageId));
    const positions = emitted.map((event) => event.position);
    expect(positions).toEqual([...positions].sort());
    expect(new Set(positions).size).toBe(250);
    for (const event of emitted) expect(EnrichedEvent.safeParse(event).success).toBe(true);
    expect(emitted[0]).toMatchObject({
      project: "shop",
      type: "page",
      event: "Product",
      url: "https://shop.example/p/0?utm_source=newsletter&utm_medium=email&utm_campaign=autumn&ref=0",
      path: "/p/0",
      title: "Linen shirt – Shop",
      referrerMedium: "search",
      referrerSource: "Google",
      country: "DE",
      browser: "Chrome",
      device: "desktop",
      utmSource: "newsletter",
      library: "analytics.js@next-1.70.0",
      sessionId: "1760000000000",
      suspect: false,
    });
    const text = JSON.stringify(emitted);
    expect(text).not.toContain("user-0");
    expect(text).not.toContain("0f8fad5b-d9cb");
  });

  it("packs as many events as fit into one record of the enriched stream", async () => {
    const shard = rawShard();
    let puts = 0;
    const real = emulated.freshParts();
    const counting: ProcessorParts = {
      ...real,
      enriched: {
        put: async (name, frames) => {
          puts += frames.length;
          await real.enriched.put(name, frames);
        },
      },
    };
    const records = Array.from({ length: 20 }, (_, row) => {
      const events = Array.from({ length: 20 }, (_unused, index) => shopEvent(row * 20 + index));
      return rawRecord(shard.record(row, frame([batchLine(events)])), Date.now());
    });
    const { counts } = await processRecords(counting, records, () => 60_000);
    expect(counts).toMatchObject({ records: 20, received: 400, processed: 400, failed: 0, redelivered: 0 });
    expect(puts).toBe(1);
  });

  it("stops before its time is up and returns the record to resume at", async () => {
    const shard = rawShard();
    const records = Array.from({ length: 5 }, (_, row) => shard.record(row, bulkyFrame()));
    let left = 60_000;
    const answer = await handler(
      { Records: records },
      { ...context, getRemainingTimeInMillis: () => (left -= 58_000) },
    );
    const [failure] = answer.batchItemFailures;
    const resumeIndex = records.findIndex((record) => record.kinesis.sequenceNumber === failure?.itemIdentifier);
    expect(resumeIndex).toBeGreaterThan(0);
    expect(await emulated.emitted(shard.name)).toHaveLength(resumeIndex * BULKY_EVENTS);
    await invoke(records.slice(resumeIndex));
    const emitted = await emulated.emitted(shard.name);
    expect(asConsumed(emitted)).toHaveLength(5 * BULKY_EVENTS);
    expect(emitted).toHaveLength(5 * BULKY_EVENTS);
  });
});

describe("a crash", () => {
  it.each([
    ["before the emit", 0],
    ["after the emit, before the checkpoint", 1],
  ])("%s: after a rerun with more records, consumers see each event once", async (_when, putsBeforeCrash) => {
    const shard = rawShard();
    const row = (offset: number) =>
      shard.record(
        offset,
        frame([batchLine([track(`${shard.name}-${offset}-a`), track(`${shard.name}-${offset}-b`)])]),
      );
    const records = [0, 1, 2, 3, 4].map(row);
    const real = emulated.freshParts();
    let puts = 0;
    const crashing: ProcessorParts = {
      ...real,
      enriched: {
        put: async (name, frames) => {
          if (puts++ < putsBeforeCrash) await real.enriched.put(name, frames);
          throw new Error("the process died");
        },
      },
    };
    await expect(processRecords(crashing, records.slice(0, 3).map(rawRecord), () => 60_000)).rejects.toThrow("died");
    const { counts } = await processRecords(emulated.freshParts(), records.map(rawRecord), () => 60_000);
    expect(counts).toMatchObject({ processed: 10, redelivered: 0 });
    const consumed = asConsumed(await emulated.emitted(shard.name));
    expect(ids(consumed)).toEqual([0, 1, 2, 3, 4].flatMap((o) => [`${shard.name}-${o}-a`, `${shard.name}-${o}-b`]));
  });

  it("stores failed events under the same name, so that each exists once", async () => {
    const shard = rawShard();
    const record = rawRecord(
      shard.record(0, frame([batchLine([{ messageId: "no-identity-1", type: "identify" }])])),
      Date.now(),
    );
    await processRecords(emulated.freshParts(), [record], () => 60_000);
    await processRecords(emulated.freshParts(), [record], () => 60_000);
    const found = (await failures()).filter((event) => event.messageId === "no-identity-1");
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ code: "invalid_event", pointer: "/userId", stage: "process", project: "shop" });
  });

  it("in a later slice resumes at the first record of that slice", async () => {
    const shard = rawShard();
    const records = Array.from({ length: 5 }, (_, row) => rawRecord(shard.record(row, bulkyFrame()), Date.now()));
    const real = emulated.freshParts();
    let puts = 0;
    const failing: ProcessorParts = {
      ...real,
      enriched: {
        put: async (name, frames) => {
          if (puts++ > 0) throw new Error("kinesis is away");
          await real.enriched.put(name, frames);
        },
      },
    };
    const { counts, resumeAt, fault } = await processRecords(failing, records, () => 60_000);
    expect(fault).toBeInstanceOf(Error);
    expect(records.findIndex((record) => record.sequenceNumber === resumeAt)).toBe(counts.records);
    expect(await emulated.emitted(shard.name)).toHaveLength(counts.processed);
  });
});

describe("a record that the shard marked as a retry", () => {
  const events = [track("m-1"), track("m-2")];

  it("is dropped when the first try arrived, in the same invocation or an earlier one", async () => {
    const shard = rawShard();
    const receivedAtMs = Date.now();
    const line = batchLine(events, { receivedAtMs });
    const first = shard.record(0, frame([line]), "shop-eu-0/77");
    const copy = (offset: number) => shard.record(offset, frame([line], true), "shop-eu-0/77");
    const other = (offset: number) => shard.record(offset, frame([batchLine([track(`other-${offset}`)])]));
    await processRecords(emulated.freshParts(), [first, copy(1), other(2)].map(rawRecord), () => 60_000);
    const { counts } = await processRecords(emulated.freshParts(), [other(3), copy(4)].map(rawRecord), () => 60_000);
    expect(counts).toMatchObject({ received: 3, processed: 1, redelivered: 2 });
    expect(ids(await emulated.emitted(shard.name))).toEqual(["m-1", "m-2", "other-2", "other-3"]);
  });

  it("is dropped also by a process that read the ledger before", async () => {
    const shard = rawShard();
    const parts = emulated.freshParts();
    const row = (offset: number, key: string, isMarked: boolean) =>
      rawRecord(shard.record(offset, frame([batchLine([track(`${key}-${offset}`)])], isMarked), key), Date.now());
    const run = (records: RawRecord[]) => processRecords(parts, records, () => 60_000);
    await run([row(0, "r/1", false), row(1, "r/2", false)]);
    expect((await run([row(2, "r/1", true)])).counts).toMatchObject({ redelivered: 1 });
    await run([row(3, "r/3", false)]);
    expect((await run([row(4, "r/3", true), row(5, "r/2", true)])).counts).toMatchObject({ redelivered: 2 });
  });

  it("is processed, as a suspect, when its first try never arrived", async () => {
    const shard = rawShard();
    const record = shard.record(0, frame([batchLine(events)], true), "shop-eu-0/5");
    await invoke([record]);
    const emitted = await emulated.emitted(shard.name);
    expect(ids(emitted)).toEqual(["m-1", "m-2"]);
    expect(emitted.every((event) => event.suspect)).toBe(true);
  });

  it("is processed when its own earlier run crashed after the write of the ledger", async () => {
    const shard = rawShard();
    const record = rawRecord(shard.record(0, frame([batchLine(events)], true), "shop-eu-0/6"), Date.now());
    const real = emulated.freshParts();
    const put = () => Promise.reject(new Error("the process died"));
    await expect(processRecords({ ...real, enriched: { put } }, [record], () => 60_000)).rejects.toThrow("died");
    const { counts } = await processRecords(emulated.freshParts(), [record], () => 60_000);
    expect(counts).toMatchObject({ processed: 2, redelivered: 0 });
  });
});

describe("invalid input", () => {
  it("is stored as failed events by line and by event, and the other events are processed", async () => {
    const shard = rawShard();
    const project = "poisoned";
    const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    const lines = [
      batchLine([track("good-1")], { project }),
      "not json at all",
      batchLine([track("year-40000")], { project, receivedAtMs: 1.2e15 }),
      JSON.stringify({ v: 2, project, hello: "from the future" }),
      batchLine(["a string", 17, null, track("good-2"), track("no-type", { type: "poke" })], { project }),
      eventLine(track("deep", { properties: "DEEP" }), { project }).replace('"DEEP"', `{"a":${deep}}`),
      eventLine(track("wrong-types", { properties: [1, 2] }), { project }),
      eventLine(track("wrong-id", { anonymousId: { a: 1 } }), { project }),
      eventLine(track("huge", { properties: "HUGE" }), { project }).replace('"HUGE"', '{"n":1e400,"m":-1e400}'),
      eventLine(track("unicode"), { project }).replace(
        '"event":"Product Viewed"',
        '"event":"Viewed \\ud800","properties":{"nul":"a\\u0000b","lone":"\\udc00x","\\u0000key":1,"__proto__":{"x":1}}',
      ),
      batchLine([track("good-3")], { project }),
    ];
    const answer = await invoke([shard.record(0, frame(lines)), shard.record(1, Buffer.from("no gzip"))]);
    expect(answer).toEqual({ batchItemFailures: [] });
    const emitted = await emulated.emitted(shard.name);
    expect(ids(emitted)).toEqual(["good-1", "good-2", "huge", "unicode", "good-3"]);
    const [huge, unicode] = [emitted[2], emitted[3]];
    expect(huge?.properties).toEqual({ n: "Infinity", m: "-Infinity" });
    expect(unicode?.event).toBe("Viewed \uFFFD");
    expect(unicode?.properties).toEqual({ nul: "ab", lone: "\uFFFDx" });

    const invalid = (await failures(project)).map(({ code, pointer, messageId }) => ({ code, pointer, messageId }));
    expect(invalid).toHaveLength(9);
    expect(invalid).toContainEqual({ code: "unreadable_envelope", pointer: "/v", messageId: null });
    expect(invalid).toContainEqual({ code: "unreadable_envelope", pointer: "/receivedAtMs", messageId: null });
    expect(invalid).toContainEqual({ code: "invalid_event", pointer: "/type", messageId: "no-type" });
    expect(invalid).toContainEqual({ code: "invalid_event", pointer: "/properties", messageId: "wrong-types" });
    expect(invalid).toContainEqual({ code: "invalid_event", pointer: "/anonymousId", messageId: "wrong-id" });
    expect(invalid.find((event) => event.messageId === "deep")?.pointer).toMatch(/^\/properties\/a(\/0)+$/);
    const unknown = (await failures("unknown")).filter((event) => event.id.startsWith(shard.name));
    expect(unknown.map((event) => event.code).sort()).toEqual(["unreadable_envelope", "unreadable_frame"]);
  });

  it("with invalid UTF-8 affects its own line only", async () => {
    const shard = rawShard();
    const broken = Buffer.from(eventLine(track("broken", { event: "XX" })));
    broken.fill(0xff, broken.indexOf("XX"), broken.indexOf("XX") + 2);
    const { gzipSync } = await import("node:zlib");
    const bytes = Buffer.concat([
      Buffer.from(frame([eventLine(track("before"))])),
      gzipSync(Buffer.concat([broken, Buffer.from("\n")])),
      Buffer.from(frame([eventLine(track("after"))])),
    ]);
    await invoke([shard.record(0, bytes)]);
    expect(ids(await emulated.emitted(shard.name))).toEqual(["before", "after"]);
  });

  it("with a batch context of megabytes becomes a failed event and blocks no other event", async () => {
    const shard = rawShard();
    const noise = () => Array.from({ length: 8_000 }, () => String.fromCharCode(33 + Math.random() * 90)).join("");
    const big: Record<string, string> = {};
    for (let index = 0; index < 200; index++) big[`k${index}`] = noise();
    await invoke([
      shard.record(0, frame([batchLine([track("too-big")], {}, { context: big }), batchLine([track("small")])])),
    ]);
    expect(ids(await emulated.emitted(shard.name))).toEqual(["small"]);
    const failed = (await failures()).find((event) => event.messageId === "too-big");
    expect(failed).toMatchObject({ code: "invalid_event", pointer: "/context" });
  });

  it("keeps no personal data readable in the failed event", async () => {
    const shard = rawShard();
    const event = { messageId: "pii-1", type: "track", event: "Paid", note: "jane@example.com 4111 1111 1111 1111" };
    await invoke([shard.record(0, frame([batchLine([event])]))]);
    const failed = (await failures()).find(({ messageId }) => messageId === "pii-1");
    expect(failed?.payload).toContain("[email] [card]");
  });
});

describe("the time of an event", () => {
  it("is the client's corrected time, and late and retried events are suspects", async () => {
    const shard = rawShard();
    const receivedAtMs = Date.now() - 60_000;
    const iso = (ms: number) => new Date(ms).toISOString();
    const hourSlow = { timestamp: iso(receivedAtMs - 3_600_000 - 1_000) };
    const sentAt = iso(receivedAtMs - 3_600_000);
    await invoke([
      shard.record(
        0,
        frame([
          batchLine([track("skewed", hourSlow)], { receivedAtMs }, { sentAt }),
          batchLine([track("retried")], { retry: true }),
          batchLine([track("fresh")]),
        ]),
      ),
    ]);
    const [skewed, retried, fresh] = await emulated.emitted(shard.name);
    expect(skewed).toMatchObject({ timeMs: receivedAtMs - 1_000, receivedAtMs, suspect: true });
    expect(retried).toMatchObject({ suspect: true, originalTimeMs: null });
    expect(fresh).toMatchObject({ suspect: false });
  });
});

describe("a published plan that this release cannot read", () => {
  it("holds no project: its own events pass without a check", async () => {
    const [own, other] = ["plan-of-the-future", "plan-neighbour"];
    const dynamodb = dynamodbClient(emulated.config);
    const item = { pk: { S: `plan#${own}` }, sk: { S: "current" }, version: { N: "9" } };
    const plan = { B: gzipSync(JSON.stringify({ mode: "of the future" })) };
    await dynamodb.send(new PutItemCommand({ TableName: TABLES.ledger, Item: { ...item, plan } }));
    const shard = rawShard();
    const lines = [batchLine([track("own-1")], { project: own }), batchLine([track("other-1")], { project: other })];
    const parts = emulated.freshParts();
    const record = rawRecord(shard.record(0, frame(lines)), Date.now());
    const { counts, fault } = await processRecords(parts, [record], () => 60_000);
    expect([counts.processed, fault]).toEqual([2, null]);
    expect(ids(await emulated.emitted(shard.name)).toSorted()).toEqual(["other-1", "own-1"]);
  });
});
