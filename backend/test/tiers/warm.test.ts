// Tests the promises of the warm tier beyond the suite of all tiers: values, roles, poison, and late duplicates.

import { STORE_COLUMNS } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rangesOfCopies } from "../../src/tiers/warm/copies.ts";
import { WarmTier } from "../../src/tiers/warm/tier.ts";
import { copyOf, enrichedEvent, freshName, runOf } from "./events.ts";
import { openStores, type TierStores, tiersUnderTest } from "./stores.ts";

const DAY_MS = 86_400_000;

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

const [warm] = tiersUnderTest(() => stores).filter((tier) => tier.name === "warm");
const open = () => {
  if (warm === undefined) throw new Error("no warm tier");
  return warm.open();
};

async function runJobs(procedure: string): Promise<void> {
  const jobs = await stores.sql<{ job_id: number }[]>`
    select job_id from timescaledb_information.jobs where proc_name = ${procedure}`;
  for (const { job_id } of jobs) await stores.sql`call run_job(${job_id})`;
}

describe("the query for duplicates", () => {
  it("gets a new plan for each batch, because a plan from an almost empty day would scan the day for each event", async () => {
    const [project, rawShard] = [freshName("p"), freshName("shardId")];
    for (let batch = 0; batch < 8; batch++) {
      await open().load(runOf({ project, rawShard, count: 3, first: 1 + batch * 3, fields: { suspect: true } }));
    }
    // By default Postgres switches to one generic plan after five custom plans.
    const [plans] = await stores.sql<{ custom: number }[]>`
      select sum(custom_plans)::int as custom from pg_prepared_statements
      where statement like '%join event e on e.project = wanted.project%'`;
    expect(plans?.custom).toBeGreaterThanOrEqual(8);
  });
});

describe("the view `events`", () => {
  it("has exactly the contract's columns, in order", async () => {
    const columns = await stores.sql<{ column_name: string }[]>`
      select column_name from information_schema.columns where table_name = 'events' order by ordinal_position`;
    expect(columns.map((column) => column.column_name)).toEqual(STORE_COLUMNS.map(({ column }) => column));
  });

  it("returns the loaded event, exact to the millisecond and the character", async () => {
    const project = freshName("p");
    const timeMs = Date.UTC(2026, 10, 20, 23, 59, 59, 999);
    const event = enrichedEvent({
      project,
      rawShard: freshName("shardId"),
      timeMs,
      event: 'a "quoted" \\ {name}, NULL',
      title: "",
      path: "NULL",
      isBot: true,
      properties: { deep: [1, { "k'ey": 'v"\\\n' }], big: 9_007_199_254_740_991 },
    });
    await open().load([event]);
    const [row] = await stores.sql`select * from events where project = ${project}`;
    expect(row).toMatchObject({
      message_id: event.messageId,
      event: event.event,
      title: "",
      path: "NULL",
      referrer: null,
      is_bot: true,
      properties: event.properties,
    });
    expect(row?.["time"]).toEqual(new Date(timeMs));
    expect(row?.["received_at"]).toEqual(new Date(event.receivedAtMs));
  });

  it("is the only relation that the role `analyst` may read", async () => {
    const asAnalyst = (query: string) =>
      stores.sql.begin(async (tx) => {
        await tx`set local role analyst`;
        return tx.unsafe(query);
      });
    await expect(asAnalyst("select count(*) from events")).resolves.toHaveLength(1);
    const denied = [
      "select 1 from event",
      "select 1 from event_minute",
      "select 1 from api_key",
      "select 1 from audit_log",
      "select 1 from tier_checkpoint",
      "delete from events",
      "create table mine (a int)",
    ];
    for (const query of denied) await expect(asAnalyst(query)).rejects.toMatchObject({ code: "42501" });
  });
});

describe("an event that the database refuses", () => {
  it("becomes one failed event, and all other events are stored", async () => {
    const project = freshName("p");
    const rawShard = freshName("shardId");
    const events = runOf({ project, rawShard, count: 40 });
    const poisoned = new Set([events[0], events[17], events[39]]);
    const batch = events.map((event) => (poisoned.has(event) ? { ...event, title: "a\u0000b" } : event));
    stores.failed.length = 0;
    expect(await open().load(batch)).toMatchObject({ loaded: 37, failed: 3 });
    expect(await open().load(batch)).toMatchObject({ loaded: 0, repeated: 40 });
    const held = await warm?.holds(project);
    expect(held?.events).toBe(37);
    expect(stores.failed.map(({ code, stage, messageId }) => ({ code, stage, messageId }))).toEqual(
      [...poisoned].map((event) => ({ code: "unstorable", stage: "warm", messageId: event?.messageId })),
    );
    for (const failed of stores.failed) expect(failed.message).not.toContain("title");
  });

  it("is not lost if the failed-events store is down, and the retry stores all other events", async () => {
    const project = freshName("p");
    const rawShard = freshName("shardId");
    const events = runOf({ project, rawShard, count: 8 });
    const batch = events.map((event, index) => (index === 5 ? { ...event, os: "\u0000" } : event));
    const failing = new WarmTier({ sql: stores.sql, storeFailed: () => Promise.reject(new Error("down")) });
    await expect(failing.load(batch)).rejects.toThrow("down");
    stores.failed.length = 0;
    await open().load(batch);
    expect((await warm?.holds(project))?.events).toBe(7);
    expect(stores.failed).toHaveLength(1);
  });

  it("is distinguished from a fault of the database", async () => {
    const project = freshName("p");
    const broken = new WarmTier({
      sql: stores.sql,
      storeFailed: () => Promise.reject(new Error("must not be called")),
      nowMs: () => {
        throw Object.assign(new Error("terminating connection"), { name: "PostgresError", code: "57P01" });
      },
    });
    const batch = runOf({ project, rawShard: freshName("shardId"), count: 3 });
    await expect(broken.load(batch)).rejects.toMatchObject({ code: "57P01" });
  });
});

describe("late events", () => {
  it("include duplicates of a message in a compressed chunk, which are recognised", async () => {
    const project = freshName("p");
    const [rawShard, other] = [freshName("shardId"), freshName("shardId")];
    const oldMs = Date.now() - 20 * DAY_MS;
    const events = runOf({ project, rawShard, count: 50, fields: { timeMs: oldMs, originalTimeMs: oldMs } });
    await open().load(events);
    await runJobs("policy_compression");
    const [chunk] = await stores.sql`
      select is_compressed from timescaledb_information.chunks
      where hypertable_name = 'event' and range_start <= ${new Date(oldMs)} and range_end > ${new Date(oldMs)}`;
    expect(chunk?.["is_compressed"]).toBe(true);
    const copies = events.map((event, place) => copyOf(event, other, place));
    expect(await open().load(copies)).toMatchObject({ loaded: 0, copies: 50 });
    expect(await open().locate(project, events[3]?.messageId ?? "")).not.toBeNull();
    // The same key in a compressed chunk is a conflict. Another message of that day is not a conflict.
    const more = runOf({ project, rawShard, count: 5, first: 51, fields: { timeMs: oldMs } });
    expect(await open().load(more)).toMatchObject({ loaded: 5 });
  });

  it("are in the continuous aggregates after their refresh", async () => {
    const project = freshName("p");
    const timeMs = Date.now() - 3 * DAY_MS;
    await open().load(runOf({ project, rawShard: freshName("shardId"), count: 30, fields: { timeMs } }));
    await runJobs("policy_refresh_continuous_aggregate");
    for (const aggregate of ["event_minute", "event_hour", "event_day"]) {
      const rows =
        await stores.sql`select label, events, users from ${stores.sql(aggregate)} where project = ${project}`;
      expect([...rows]).toEqual([{ label: "Order Completed", events: "30", users: "30" }]);
    }
  });
});

describe("rangesOfCopies", () => {
  it("returns few days, near each time that a duplicate can have", () => {
    const nowMs = Date.UTC(2026, 10, 25, 12);
    const event = enrichedEvent({ project: "p", rawShard: "s", receivedAtMs: nowMs, timeMs: nowMs - 60_000 });
    expect(rangesOfCopies([event])).toEqual([{ fromMs: Date.UTC(2026, 10, 24), toMs: Date.UTC(2026, 10, 27) }]);
    const uncorrected = { ...event, originalTimeMs: nowMs - 10 * DAY_MS };
    expect(rangesOfCopies([uncorrected, event])).toEqual([
      { fromMs: Date.UTC(2026, 10, 14), toMs: Date.UTC(2026, 10, 17) },
      { fromMs: Date.UTC(2026, 10, 24), toMs: Date.UTC(2026, 10, 27) },
    ]);
    expect(rangesOfCopies([])).toEqual([]);
  });
});
