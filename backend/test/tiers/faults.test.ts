// Runs one suite on every tier under each fault. In the end a tier contains every message exactly once. An event that cannot be
// stored is in the failed events once, and its neighbours are stored. The stream is delivered in the worst way that a mapping
// allows (delivery.ts). outage.test.ts tests outages of the database, which end processes.

import type { EnrichedEvent, FailedEvent } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dynamodbClient, s3Client } from "../../src/aws.ts";
import { WarmTier } from "../../src/tiers/warm/tier.ts";
import { CrashPlan, crashingSql, FlakyPlan } from "./crash.ts";
import { deliver, recordsOf, streamRecord } from "./delivery.ts";
import { copyOf, freshName, runOf } from "./events.ts";
import { StoreFaults, seeded, withoutPauses } from "./fault-proxy.ts";
import { openStores, type TierStores, type TierUnderTest, tiersUnderTest } from "./stores.ts";

const SEED = Number(process.env["FAULTS_SEED"] ?? 20_261_125);

let stores: TierStores;
let dynamodbFaults: StoreFaults;
let s3Faults: StoreFaults;
let faulty: TierStores;
const database = new FlakyPlan(seeded(SEED + 1));

beforeAll(async () => {
  stores = await openStores();
  dynamodbFaults = await StoreFaults.start(stores.config.dynamodbEndpoint ?? "", seeded(SEED + 2));
  s3Faults = await StoreFaults.start(stores.config.s3Endpoint ?? "", seeded(SEED + 3));
  faulty = {
    ...stores,
    dynamodb: withoutPauses(dynamodbClient({ ...stores.config, dynamodbEndpoint: dynamodbFaults.url })),
    s3: withoutPauses(s3Client({ ...stores.config, s3Endpoint: s3Faults.url })),
    sql: crashingSql(stores.sql, database),
  };
}, 120_000);

afterAll(async () => {
  faulty?.dynamodb.destroy();
  faulty?.s3.destroy();
  await Promise.all([dynamodbFaults?.stop(), s3Faults?.stop()]);
  await stores?.stop();
});

function endFaults(): void {
  dynamodbFaults.set(null, 0);
  s3Faults.set(null, 0);
  Object.assign(database, { refused: 0, lost: 0 });
}

const hits = () => dynamodbFaults.hit + s3Faults.hit + database.hit;

interface Fault {
  name: string;
  begin?(): void;
  /** Each process crashes at a random call. */
  crashes?: boolean;
}

const FAULTS: readonly Fault[] = [
  { name: "repeated delivery only" },
  { name: "processes that crash at any call", crashes: true },
  {
    name: "stores that refuse 70 % (DynamoDB throttled, S3 SlowDown, the database)",
    begin: () => {
      dynamodbFaults.set("throttled", 0.7);
      s3Faults.set("slowDown", 0.7);
      database.refused = 0.3;
    },
  },
  {
    name: "stores whose answers are lost",
    begin: () => {
      dynamodbFaults.set("answerLost", 0.2);
      s3Faults.set("answerLost", 0.2);
      database.lost = 0.1;
    },
  },
  {
    name: "all faults at the same time",
    begin: () => {
      dynamodbFaults.set("throttled", 0.3);
      s3Faults.set("answerLost", 0.3);
      Object.assign(database, { refused: 0.05, lost: 0.05 });
    },
    crashes: true,
  },
];

/** Three shards of the stream: two with their own messages, one with duplicates of the first shard's, as from another region. */
function traffic(): { project: string; messageIds: string[]; shards: EnrichedEvent[][] } {
  const project = freshName("p");
  const [one, two, three] = [freshName("shardId"), freshName("shardId"), freshName("shardId")];
  const first = runOf({ project, rawShard: one, count: 60 });
  const second = runOf({ project, rawShard: two, count: 60 });
  const copies = first.slice(10, 40).map((event, place) => copyOf(event, three, place));
  const messageIds = [...first, ...second].map((event) => event.messageId).toSorted();
  return { project, messageIds, shards: [first, second, copies] };
}

/** The tiers on the faulty stores. Their content is read from the stores without faults. */
const faultyTiers = tiersUnderTest(() => faulty);

describe.each(tiersUnderTest(() => stores))("$name", (tier: TierUnderTest) => {
  const onFaulty = faultyTiers.find(({ name }) => name === tier.name) as TierUnderTest;

  it.each(FAULTS)(
    "holds each event once after $name",
    async (fault) => {
      const random = seeded(SEED);
      const { project, messageIds, shards } = traffic();
      const open = () =>
        onFaulty.open(
          fault.crashes === true
            ? new CrashPlan(1 + Math.floor(random() * 12), random() < 0.5 ? "before" : "after")
            : undefined,
        );
      const hitsBefore = hits();
      fault.begin?.();
      try {
        await deliver(
          { open, storeFailed: async () => undefined, random },
          shards.map((events) => recordsOf(events)),
        );
      } finally {
        endFaults();
      }
      if (fault.begin !== undefined) expect(hits()).toBeGreaterThan(hitsBefore);
      expect(await tier.holds(project)).toEqual({
        events: messageIds.length,
        messageIds: tier.name === "hot" ? null : messageIds,
      });
    },
    180_000,
  );

  it("stores one invalid record in a thousand as one failed event, and all other events", async () => {
    const random = seeded(SEED + 7);
    const project = freshName("p");
    const rawShard = freshName("shardId");
    const events = runOf({ project, rawShard, count: 1_000 });
    const records = recordsOf(events, 1);
    records[617] = streamRecord(rawShard, 617, Buffer.from("neither gzip nor JSON"));
    const failed: FailedEvent[] = [];
    const storeFailed = async (more: readonly FailedEvent[]) => void failed.push(...more);
    await deliver({ open: () => tier.open(), storeFailed, random }, [records]);
    expect((await tier.holds(project)).events).toBe(999);
    expect(new Set(failed.map(({ id, code, stage }) => `${id} ${code} ${stage}`)).size).toBe(1);
  }, 120_000);
});

describe("warm", () => {
  it("stores one event in a thousand that the database refuses as one failed event, and all other events, under faults", async () => {
    const random = seeded(SEED + 8);
    const project = freshName("p");
    const events = runOf({ project, rawShard: freshName("shardId"), count: 1_000 });
    const poisoned = events.map((event, place) => (place === 311 ? { ...event, city: "K\u0000ln" } : event));
    const failed: FailedEvent[] = [];
    const storeFailed = async (more: readonly FailedEvent[]) => void failed.push(...more);
    Object.assign(database, { refused: 0.05, lost: 0.05 });
    try {
      const open = () => new WarmTier({ sql: faulty.sql, storeFailed });
      await deliver({ open, storeFailed, random }, [recordsOf(poisoned, 50)]);
    } finally {
      endFaults();
    }
    const rows = await stores.sql<{ count: number }[]>`
      select count(*)::int as count from events where project = ${project}`;
    expect(rows[0]?.count).toBe(999);
    expect(new Set(failed.map(({ id, messageId }) => `${id} ${messageId}`)).size).toBe(1);
    expect(failed[0]?.messageId).toBe(poisoned[311]?.messageId);
  }, 120_000);
});
