// Tests conservation from the raw stream to the tiers (I9) on the real processor, tiers and stores: the result of the
// reconciliation when every event arrives, and when some are missing.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import {
  concatBytes,
  decodeFrame,
  type EnrichedEvent,
  encodeMember,
  type FailedEvent,
  INVARIANT_METRICS,
  type ShardCounters,
} from "@behaviour/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { provisionAws, startAws, startPostgres } from "../../../local/index.ts";
import { dynamodbClient, s3Client } from "../../src/aws.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { connect, type Sql } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";
import { connectProcessor } from "../../src/process/connect.ts";
import { EdgeCounters } from "../../src/process/edge-counters.ts";
import { processRecords } from "../../src/process/pipeline.ts";
import type { RawRecord } from "../../src/process/record.ts";
import { reconciledMinutes } from "../../src/reconcile/report.ts";
import { reconcile } from "../../src/reconcile/run.ts";
import { ColdTier } from "../../src/tiers/cold/tier.ts";
import { HotTier } from "../../src/tiers/hot/tier.ts";
import { WarmTier } from "../../src/tiers/warm/tier.ts";
import { batchLine, frame } from "../process/sample.ts";
import { freshName } from "../tiers/events.ts";

// A busy machine must not fail these tests.
vi.setConfig({ testTimeout: 60_000 });

const MINUTE_MS = 60_000;
const plenty = () => 300_000;

let stop: () => Promise<void>;
let config: Config;
let sql: Sql;
let dynamodb: DynamoDBClient;
let s3: S3Client;

beforeAll(async () => {
  const secret = "a-key-for-tests-of-32-bytes-or-more";
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  const [aws, postgres] = await Promise.all([startAws(), startPostgres()]);
  config = readConfig({
    KINESIS_ENDPOINT: aws.kinesis,
    DYNAMODB_ENDPOINT: aws.dynamodb,
    S3_ENDPOINT: aws.s3,
    DATABASE_URL: postgres.url,
    VAULT_HMAC_KEY: secret,
  });
  await Promise.all([provisionAws(config), migrateDatabase(postgres.url)]);
  sql = connect(postgres.url, 2);
  dynamodb = dynamodbClient(config);
  s3 = s3Client(config);
  stop = async () => {
    await sql.end({ timeout: 5 });
    await Promise.all([aws.stop(), postgres.stop()]);
  };
}, 120_000);
afterAll(() => stop());

let project: string;
let rawShard: string;
let sequence = 4_964_000_000;
let emitted: EnrichedEvent[];
/** The time at which the events were received, long enough ago that their minute has settled. */
let receivedAtMs: number;
let clockMs: number;
const nowMs = () => clockMs;
const later = (minutes: number) => {
  clockMs += minutes * MINUTE_MS;
};

beforeEach(async () => {
  project = freshName("p");
  rawShard = freshName("shardId");
  emitted = [];
  receivedAtMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  clockMs = receivedAtMs + 10 * MINUTE_MS;
  await sql`insert into project (id, name) values (${project}, 'Test')`;
});

const eventOf = (messageId: string, fields = {}) => ({
  type: "track",
  event: "Clicked",
  messageId,
  anonymousId: "a",
  ...fields,
});

/** A record of the raw stream with these events, of which the first `broken` are invalid. */
function record(ids: readonly string[], { broken = 0, marked = false, shard = rawShard } = {}): RawRecord {
  const events = ids.map((id, index) => eventOf(id, index < broken ? { event: null } : {}));
  return {
    rawShard: shard,
    sequenceNumber: String(++sequence),
    partitionKey: "shard/1",
    arrivedAtMs: receivedAtMs + 1_000,
    frame: frame([batchLine(events, { project, receivedAtMs })], marked),
    readAtMs: receivedAtMs + 2_000,
  };
}

async function processed(records: readonly RawRecord[]): Promise<EnrichedEvent[]> {
  const events: EnrichedEvent[] = [];
  const put = async (_shard: string, frames: readonly Uint8Array[]) => {
    for (const frame of frames) for (const { value } of decodeFrame(frame)) events.push(value as EnrichedEvent);
  };
  const parts = { ...connectProcessor(config), enriched: { put } };
  const { resumeAt, fault } = await processRecords(parts, records, plenty);
  expect([resumeAt, fault]).toEqual([null, null]);
  emitted.push(...events);
  return events;
}

const refused: FailedEvent[] = [];
const tiers = () => ({
  hot: new HotTier({ dynamodb }),
  warm: new WarmTier({ sql, storeFailed: async (failed) => void refused.push(...failed) }),
  cold: new ColdTier({ dynamodb, s3 }),
});
async function load(
  events: readonly EnrichedEvent[],
  names: readonly ("hot" | "warm" | "cold")[] = ["hot", "warm", "cold"],
) {
  for (const name of names) await tiers()[name].load(events);
}

/** Runs as the function does every minute. The minutes that the first run ingests have settled at the second. */
async function run() {
  const edgeCounters = new EdgeCounters(dynamodb);
  await reconcile({ sql, dynamodb, edgeCounters, nowMs }, plenty);
  later(6);
  const { counts, imbalanced } = await reconcile({ sql, dynamodb, edgeCounters, nowMs }, plenty);
  const own = imbalanced.filter((minute) => minute.project === project);
  return { counts, imbalanced: own };
}

async function minute() {
  const range = { fromMs: receivedAtMs, toMs: receivedAtMs + MINUTE_MS };
  const [only, ...others] = await reconciledMinutes(sql, project, range, 10, nowMs());
  expect(others).toEqual([]);
  return only;
}

const edgeLine = (counts: Partial<ShardCounters>): ShardCounters => ({
  project,
  shard: `${project}/eu/0`,
  boot: "b1",
  serial: 0,
  minuteMs: receivedAtMs,
  accepted: 0,
  duplicates: 0,
  rejected: 0,
  suppressed: 0,
  ...counts,
});

it("measures every invariant of its service", async () => {
  const watched = Object.values(INVARIANT_METRICS).filter(({ service }) => service === "reconcile");
  expect(Object.keys((await run()).counts)).toEqual(expect.arrayContaining(watched.map(({ metric }) => metric)));
});

describe("a minute", () => {
  it("gets the edge's counts from lines in the stream, beside the events", async () => {
    const line = JSON.stringify({ v: 1, counters: edgeLine({ accepted: 2, suppressed: 1 }) });
    const both = { ...record(["a", "b"]), frame: concatBytes([record(["a", "b"]).frame, encodeMember([line])]) };
    const alone = { ...record([]), frame: encodeMember([line]) };
    await load(await processed([both, alone]));
    expect((await run()).imbalanced).toEqual([]);
    expect(await minute()).toMatchObject({
      edge: { accepted: 2, suppressed: 1 },
      process: { received: 2, processed: 2 },
    });
  });

  it("is balanced when every event arrived, for any number of reruns", async () => {
    const records = [record(["a", "b", "c"], { broken: 1 }), record(["d", "e"])];
    const events = await processed(records);
    await new EdgeCounters(dynamodb).store([edgeLine({ accepted: 5, rejected: 2, suppressed: 3, duplicates: 1 })]);
    await load(events);
    expect((await run()).imbalanced).toEqual([]);
    expect(await minute()).toMatchObject({
      edge: { accepted: 5, rejected: 2, suppressed: 3, duplicates: 1 },
      process: { received: 5, processed: 4, failed: 1, redelivered: 0 },
      hot: { loaded: 4, copies: 0 },
      warm: { loaded: 4, copies: 0, failed: 0 },
      cold: { loaded: 4, copies: 0 },
      state: "balanced",
    });
    // The raw stream delivers the same records again in other batches, and the tiers receive their events again.
    await processed(records.slice(1));
    await processed(records);
    await load([...events, ...events]);
    await run();
    await run();
    expect(await minute()).toMatchObject({
      process: { received: 5, processed: 4 },
      cold: { loaded: 4 },
      state: "balanced",
    });
  });

  it.each(["hot", "warm", "cold"] as const)("is imbalanced while %s lacks events, until they arrive", async (tier) => {
    const events = await processed([record(["a", "b", "c"])]);
    const others = (["hot", "warm", "cold"] as const).filter((name) => name !== tier);
    await load(events, others);
    await load(events.slice(0, 1), [tier]);
    const { imbalanced, counts } = await run();
    expect(imbalanced).toMatchObject([{ differences: { edge: 0, process: 0, hot: 0, warm: 0, cold: 0, [tier]: 2 } }]);
    expect(counts.I9ImbalancedMinutes).toBeGreaterThan(0);
    expect(counts.I2OldestMissingSeconds).toBeGreaterThan(500);
    // The missing events arrive.
    await load(events, [tier]);
    expect((await run()).imbalanced).toEqual([]);
  });

  it("is imbalanced if the edge accepted more events than the stream delivered", async () => {
    await load(await processed([record(["a", "b"])]));
    await new EdgeCounters(dynamodb).store([edgeLine({ accepted: 2 }), edgeLine({ accepted: 1, serial: 1 })]);
    const { imbalanced } = await run();
    expect(imbalanced).toMatchObject([{ differences: { edge: 1, hot: 0 } }]);
    await load(await processed([record(["c"])]));
    expect((await run()).imbalanced).toEqual([]);
  });

  it("is imbalanced if the stream delivered none of its events", async () => {
    await new EdgeCounters(dynamodb).store([edgeLine({ accepted: 7 })]);
    expect((await run()).imbalanced).toMatchObject([{ differences: { edge: 7 } }]);
  });

  it("is balanced with retries, duplicates through another shard, and failures of a tier", async () => {
    const first = record(["a", "b"]);
    const again = { ...record(["a", "b"], { marked: true }), partitionKey: first.partitionKey };
    const events = await processed([first, again]);
    const copies = await processed([record(["a", "c"], { shard: freshName("shardId") })]);
    const poison = await processed([record(["d"])]);
    await load([...events, ...copies]);
    await load(poison, ["hot", "cold"]);
    // The database refuses this session id.
    await tiers().warm.load(poison.map((event) => ({ ...event, sessionId: "\u0000" })));
    await new EdgeCounters(dynamodb).store([edgeLine({ accepted: 5 })]);
    expect((await run()).imbalanced).toEqual([]);
    expect(await minute()).toMatchObject({
      process: { received: 7, processed: 5, redelivered: 2 },
      hot: { loaded: 4, copies: 1 },
      warm: { loaded: 3, copies: 1, failed: 1 },
      cold: { loaded: 4, copies: 1 },
      state: "balanced",
    });
  });

  it("is imbalanced if a tier counts an event twice", async () => {
    const events = await processed([record(["a"])]);
    await load(events);
    await sql`update warm_count set loaded = loaded + 1 where project = ${project}`;
    const { imbalanced, counts } = await run();
    expect(imbalanced).toMatchObject([{ differences: { warm: -1 } }]);
    expect(counts.I3TierSurplus).toBeGreaterThan(0);
  });

  it("is not judged before it settled", async () => {
    await processed([record(["a"])]);
    const at = receivedAtMs + 4 * MINUTE_MS;
    const parts = { sql, dynamodb, edgeCounters: new EdgeCounters(dynamodb), nowMs: () => at };
    const { imbalanced } = await reconcile(parts, plenty);
    expect(imbalanced.filter((one) => one.project === project)).toEqual([]);
    const range = { fromMs: receivedAtMs, toMs: receivedAtMs + MINUTE_MS };
    expect(await reconciledMinutes(sql, project, range, 1, at)).toMatchObject([
      { state: "under way", missing: { hot: 1 } },
    ]);
  });

  it("is counted once by concurrent runs", async () => {
    await load(await processed([record(["a", "b"])]));
    await Promise.all([run(), run(), run()]);
    await run();
    expect(await minute()).toMatchObject({ process: { received: 2 }, cold: { loaded: 2 }, state: "balanced" });
  });
});
