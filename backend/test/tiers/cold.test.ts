// Tests the promises of the cold tier beyond the suite of all tiers: files for other readers, and compaction.

import { PLATFORM, STORE_COLUMNS } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CompactionLimits, Compactor, planCompaction } from "../../src/tiers/cold/compact.ts";
import {
  type LoadPlan,
  nextLoad,
  PLAN_EVENTS_MAX,
  PLAN_OBJECTS_MAX,
  planRuns,
} from "../../src/tiers/cold/load-plan.ts";
import { ColdTier } from "../../src/tiers/cold/tier.ts";
import { Crash, CrashPlan, type CrashSide, crashingClient } from "./crash.ts";
import { enrichedEvent, freshName, runOf } from "./events.ts";
import { openStores, parquetKeys, queryParquet, type TierStores } from "./stores.ts";

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

const open = () => new ColdTier({ s3: stores.s3, dynamodb: stores.dynamodb });

describe("the files of the cold tier", () => {
  it("have the contract's columns and types, and times exact to the millisecond", async () => {
    const project = freshName("p");
    const timeMs = Date.UTC(2026, 10, 20, 23, 59, 59, 999);
    const event = enrichedEvent({ project, rawShard: freshName("shardId"), timeMs, sentAtMs: null });
    await open().load([event]);
    const described = await queryParquet(stores.s3, project, "describe events");
    const types = { text: "VARCHAR", timestamp: "TIMESTAMP WITH TIME ZONE", boolean: "BOOLEAN", json: "JSON" };
    expect(described.map((row) => [row["column_name"], row["column_type"]])).toEqual(
      STORE_COLUMNS.map(({ column, kind }) => [column, types[kind]]),
    );
    const [row] = await queryParquet(
      stores.s3,
      project,
      "select message_id, epoch_ms(time) as ms, sent_at, is_bot, city, properties, properties->>'$.items[0].sku' as sku from events",
    );
    expect(row).toMatchObject({
      message_id: event.messageId,
      ms: BigInt(timeMs),
      sent_at: null,
      is_bot: false,
      city: "Köln",
    });
    expect(JSON.parse(String(row?.["properties"]))).toEqual(event.properties);
    expect(row?.["sku"]).toBe('a"b\\c');
  });

  it("have keys by project and day of the event's time", async () => {
    const project = freshName("p");
    const rawShard = freshName("shardId");
    const timeMs = Date.UTC(2026, 10, 20, 23, 59, 59, 999);
    const events = runOf({ project, rawShard, count: 2, fields: { timeMs } });
    const [first, second] = events;
    if (first === undefined || second === undefined) throw new Error("no events");
    await open().load([first, { ...second, timeMs: timeMs + 1 }]);
    const keys = await parquetKeys(stores.s3, project);
    const folder = (key: string) => key.slice(0, key.lastIndexOf("/"));
    expect(keys.map(folder)).toEqual([`project=${project}/day=2026-11-20`, `project=${project}/day=2026-11-21`]);
  });
});

describe("nextLoad", () => {
  const run = runOf({ project: "p", rawShard: "s", count: 15 });
  const at = (place: number) => run[place - 1]?.position ?? "";
  const plan = (fields: Partial<LoadPlan>): LoadPlan => ({
    rawShard: "s",
    first: at(4),
    last: at(10),
    keys: ["new"],
    remove: ["old"],
    done: false,
    version: 3,
    ...fields,
  });

  it.each([
    ["no plan yet", null, run, 1, 15, []],
    ["a completed plan", plan({ done: true }), run, 11, 15, []],
    ["an unfinished plan, with all of its events and more", plan({}), run, 4, 15, ["new", "old"]],
    ["an unfinished plan, with some of its events", plan({}), run.slice(0, 6), 4, 6, ["new", "old"]],
    ["an unfinished plan, whose events the stream dropped", plan({}), run.slice(10), 11, 15, ["new", "old"]],
    ["an unfinished plan, whose first events the stream dropped", plan({}), run.slice(5), 6, 15, ["new", "old"]],
  ] as const)("after %s", (...[, before, given, first, last, stale]) => {
    const next = nextLoad(before, given);
    expect(next.events.at(0)?.position).toBe(at(first));
    expect(next.events.at(-1)?.position).toBe(at(last));
    expect(next.stale).toEqual(stale);
  });

  it("returns no events of a completed or larger plan", () => {
    expect(nextLoad(plan({ done: true }), run.slice(0, 10)).events).toEqual([]);
    expect(nextLoad(plan({}), run.slice(0, 3)).events).toEqual([]);
  });
});

describe("planRuns", () => {
  const DAY_MS = 86_400_000;
  const days = (count: number) =>
    runOf({ project: "p", rawShard: "s", count }).map((event, day) => ({ ...event, timeMs: day * DAY_MS }));

  it("cuts a run whose events have many days, in order and without a gap", () => {
    const run = days(2 * PLAN_OBJECTS_MAX + 1);
    const parts = [...planRuns(run)];
    expect(parts.map((part) => part.length)).toEqual([PLAN_OBJECTS_MAX, PLAN_OBJECTS_MAX, 1]);
    expect(parts.flat()).toEqual(run);
  });

  it("cuts a run of many events of one day", () => {
    const run = runOf({ project: "p", rawShard: "s", count: PLAN_EVENTS_MAX + 1, fields: { timeMs: 0 } });
    expect([...planRuns(run)].map((part) => part.length)).toEqual([PLAN_EVENTS_MAX, 1]);
  });

  it("keeps a run together whose days come again", () => {
    const run = [...days(PLAN_OBJECTS_MAX), ...days(PLAN_OBJECTS_MAX)];
    expect([...planRuns(run)]).toHaveLength(1);
    expect([...planRuns([])]).toEqual([]);
  });
});

describe("an import of 2,500 different days", () => {
  const DAY_MS = 86_400_000;

  it("is stored within DynamoDB's item size, and by a consumer that is interrupted again and again", async () => {
    const project = freshName("p");
    // The length of a real shard's name.
    const rawShard = `us-east-1.000000000000.behaviour-raw.${freshName("shardId")}`;
    const events = runOf({ project, rawShard, count: 2_500 }).map((event, day) => ({
      ...event,
      timeMs: Date.UTC(2020, 0, 1) + day * DAY_MS,
    }));
    for (const call of [3, 200, 900]) {
      const crash = new CrashPlan(call, "before");
      const tier = new ColdTier({ s3: crashingClient(stores.s3, crash), dynamodb: stores.dynamodb });
      // Each batch has other bounds, so that a plan replaces an incomplete plan of other objects.
      await expect(tier.load(events.slice(0, 2_000 + call / 3))).rejects.toThrow(Crash);
    }
    const result = await open().load(events);
    expect(result.loaded + result.repeated).toBe(2_500);
    expect(await parquetKeys(stores.s3, project)).toHaveLength(2_500);
    const [row] = await queryParquet(
      stores.s3,
      project,
      "select count(distinct message_id) as n, count(*) as all from events",
    );
    expect([row?.["n"], row?.["all"]]).toEqual([2_500n, 2_500n]);
  }, 120_000);
});

describe("compaction", () => {
  const limits: CompactionLimits = { objectsMin: 4, objectsMax: 500, settledMs: 600_000, rowsMax: 1_000 };
  const later = () => Date.now() + 700_000;
  const compactor = (crash?: CrashPlan) =>
    new Compactor({
      s3: crash === undefined ? stores.s3 : crashingClient(stores.s3, crash),
      dynamodb: crash === undefined ? stores.dynamodb : crashingClient(stores.dynamodb, crash),
      limits,
      nowMs: later,
    });
  const afterLease = () =>
    new Compactor({ s3: stores.s3, dynamodb: stores.dynamodb, limits, nowMs: () => later() + 60_000 });

  async function manyObjects(count: number): Promise<{ project: string; messageIds: string[] }> {
    const project = freshName("p");
    const rawShard = freshName("shardId");
    const tier = open();
    const timeMs = Date.UTC(2026, 10, 20, 12);
    const events = runOf({ project, rawShard, count: count * 3, fields: { timeMs } });
    for (let start = 0; start < events.length; start += 3) await tier.load(events.slice(start, start + 3));
    expect(await parquetKeys(stores.s3, project)).toHaveLength(count);
    return { project, messageIds: events.map((event) => event.messageId).toSorted() };
  }

  async function stored(project: string): Promise<unknown[]> {
    const rows = await queryParquet(stores.s3, project, "select message_id from events order by 1");
    return rows.map((row) => row["message_id"]);
  }

  it("merges many objects into one, with every event once and every value unchanged", async () => {
    const { project, messageIds } = await manyObjects(6);
    const before = await queryParquet(stores.s3, project, "select * from events order by message_id");
    await compactor().run(() => true);
    expect(await parquetKeys(stores.s3, project)).toHaveLength(1);
    expect(await stored(project)).toEqual(messageIds);
    expect(await queryParquet(stores.s3, project, "select * from events order by message_id")).toEqual(before);
    const types = await queryParquet(stores.s3, project, "describe events");
    expect(types.find((row) => row["column_name"] === "properties")?.["column_type"]).toBe("JSON");
  });

  it("writes several objects if one would have too many rows, and continues after full objects", async () => {
    const { project, messageIds } = await manyObjects(8);
    const small = new Compactor({ ...stores, limits: { ...limits, objectsMin: 2, rowsMax: 6 }, nowMs: later });
    for (const left of [7, 6, 5, 4, 4]) {
      await small.run(() => true);
      expect(await parquetKeys(stores.s3, project)).toHaveLength(left);
    }
    expect(await stored(project)).toEqual(messageIds);
  });

  it("does not change few objects or young objects", async () => {
    const few = await manyObjects(3);
    const young = await manyObjects(5);
    const now = new Compactor({ s3: stores.s3, dynamodb: stores.dynamodb, limits });
    await now.run(() => true);
    expect(await parquetKeys(stores.s3, few.project)).toHaveLength(3);
    expect(await parquetKeys(stores.s3, young.project)).toHaveLength(5);
  });

  it("neither loses nor doubles an event after a crash at any call", async () => {
    for (const side of ["before", "after"] satisfies CrashSide[]) {
      for (let call = 1; call < 60; call++) {
        const { project, messageIds } = await manyObjects(4);
        const crash = new CrashPlan(call, side);
        try {
          await compactor(crash).run(() => true);
        } catch (fault) {
          if (!(fault instanceof Crash)) throw fault;
        }
        await afterLease().run(() => true);
        expect(await stored(project)).toEqual(messageIds);
        if (!crash.crashed) break;
      }
    }
  }, 120_000);

  it("merges other partitions when one of them cannot be merged, and reports the fault", async () => {
    const broken = await manyObjects(4);
    const good = await manyObjects(4);
    const faults: unknown[] = [];
    const failing = new Proxy(stores.s3, {
      get: (client, name) =>
        name !== "send"
          ? Reflect.get(client, name)
          : (command: { input: { Key?: string; Prefix?: string } }, options: object) =>
              command.input.Key?.includes(broken.project) === true
                ? Promise.reject(new Error("cannot be read"))
                : client.send(command as never, options),
    });
    const options = { s3: failing, dynamodb: stores.dynamodb, limits, nowMs: later };
    const result = await new Compactor({ ...options, onFault: (fault) => faults.push(fault) }).run(() => true);
    expect([result.faults, faults.length]).toEqual([1, 1]);
    expect(await parquetKeys(stores.s3, broken.project)).toHaveLength(4);
    expect(await parquetKeys(stores.s3, good.project)).toHaveLength(1);
  });

  it("names no more objects than the ledger's item can hold", () => {
    const objects = Array.from({ length: 2_000 }, (_, index) => ({
      key: `project=p/day=2026-11-20/${"s".repeat(180)}-${index}.parquet`,
      bytes: 100,
      modifiedAtMs: index,
    }));
    const chosen = planCompaction(objects, { ...limits, objectsMax: 500 }, 10_000_000);
    expect(chosen).toEqual(objects.slice(0, 500));
    expect(JSON.stringify(chosen.map(({ key }) => key)).length).toBeLessThan(PLATFORM.dynamoDbItemBytes);
  });

  it("is planned for small, settled objects only, and for enough of them", () => {
    const object = (key: string, modifiedAtMs: number, bytes = 100) => ({ key, bytes, modifiedAtMs });
    const nowMs = 10_000_000;
    const old = ["a", "b", "c", "d"].map((key, index) => object(key, index));
    expect(planCompaction(old, limits, nowMs)).toEqual(old);
    expect(planCompaction(old.slice(1), limits, nowMs)).toEqual([]);
    expect(planCompaction([...old.slice(1), object("young", nowMs)], limits, nowMs)).toEqual([]);
    expect(planCompaction([...old.slice(1), object("large", 0, 1e9)], limits, nowMs)).toEqual([]);
  });
});
