// Runs one suite on every tier with real parts. In the end a tier contains exactly the sent messages, for any number of
// deliveries, any division into batches, any shard, and a crash of the consumer at any point.

import type { EnrichedEvent } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Crash, CrashPlan, type CrashSide } from "./crash.ts";
import { copyOf, freshName, runOf } from "./events.ts";
import { type Held, openStores, type TierStores, type TierUnderTest, tiersUnderTest } from "./stores.ts";

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

/** The expected content of a tier for a project: each sent message once, and nothing else. */
function sent(tier: TierUnderTest, project: string, messages: readonly EnrichedEvent[]): Held {
  const ids = new Set(messages.filter((event) => event.project === project).map((event) => event.messageId));
  return { events: ids.size, messageIds: tier.name === "hot" ? null : [...ids].toSorted() };
}

/** Runs a scenario with a crash at the 1st, 2nd … call of the process, until the scenario has fewer calls. */
async function withEveryCrash(
  scenario: (crash: CrashPlan) => Promise<void>,
  sides: readonly CrashSide[] = ["before", "after"],
): Promise<number> {
  let calls = 0;
  for (const side of sides) {
    for (let call = 1; call < 100; call++) {
      const crash = new CrashPlan(call, side);
      await scenario(crash);
      if (!crash.crashed) break;
      calls++;
    }
  }
  return calls;
}

async function crashes(load: Promise<unknown>): Promise<void> {
  try {
    await load;
  } catch (fault) {
    if (!(fault instanceof Crash)) throw fault;
  }
}

describe.each(tiersUnderTest(() => stores))("$name", (tier) => {
  const names = () => ({ project: freshName("p"), rawShard: freshName("shardId") });

  it("accepts an empty batch", async () => {
    expect(await tier.open().load([])).toEqual({ loaded: 0, repeated: 0, copies: 0, outdated: 0, failed: 0 });
  });

  it("counts a batch once that is delivered three times", async () => {
    const { project, rawShard } = names();
    const batch = runOf({ project, rawShard, count: 25 });
    const opened = tier.open();
    expect((await opened.load(batch)).loaded).toBe(25);
    expect((await opened.load(batch)).repeated).toBe(25);
    expect((await tier.open().load(batch)).repeated).toBe(25);
    expect(await tier.holds(project)).toEqual(sent(tier, project, batch));
  });

  it("holds each event once after overlapping chunks, in one batch and in several", async () => {
    const { project, rawShard } = names();
    const events = runOf({ project, rawShard, count: 40 });
    const opened = tier.open();
    await opened.load(events.slice(0, 10));
    await opened.load(events.slice(0, 15));
    await opened.load([...events.slice(5, 15), ...events.slice(5, 30)]);
    await tier.open().load(events);
    expect(await tier.holds(project)).toEqual(sent(tier, project, events));
  });

  it("stores the same messageId of two projects as two events", async () => {
    const [one, other] = [freshName("p"), freshName("p")];
    const rawShard = freshName("shardId");
    const events = [
      ...runOf({ project: one, rawShard, count: 3, fields: { messageId: "same" } }).slice(0, 1),
      ...runOf({ project: other, rawShard, count: 1, first: 2, fields: { messageId: "same", suspect: true } }),
    ];
    expect((await tier.open().load(events)).loaded).toBe(2);
    expect(await tier.holds(one)).toEqual(sent(tier, one, events));
    expect(await tier.holds(other)).toEqual(sent(tier, other, events));
  });

  it("loads 5,000 events of several shards and days", async () => {
    const { project } = names();
    const shards = [freshName("shardId"), freshName("shardId")];
    const dayMs = 86_400_000;
    const batch = shards.flatMap((rawShard, index) =>
      runOf({ project, rawShard, count: 2_500 }).map((event, place) => ({
        ...event,
        timeMs: event.timeMs - (place % 3) * dayMs * index,
      })),
    );
    expect((await tier.open().load(batch)).loaded).toBe(5_000);
    expect((await tier.open().load(batch)).repeated).toBe(5_000);
    expect(await tier.holds(project)).toEqual(sent(tier, project, batch));
  }, 60_000);

  it("counts a message once that arrives through two shards", async () => {
    const { project, rawShard } = names();
    const other = freshName("shardId");
    const events = runOf({ project, rawShard, count: 10 });
    const copies = events.map((event, place) => copyOf(event, other, place));
    const opened = tier.open();
    await opened.load(events);
    expect((await opened.load(copies)).copies).toBe(10);
    expect((await tier.open().load(copies)).loaded).toBe(0);
    expect(await tier.holds(project)).toEqual(sent(tier, project, events));
  });

  it("counts a message once that is twice in the same batch", async () => {
    const { project, rawShard } = names();
    const events = runOf({ project, rawShard, count: 10 });
    const other = freshName("shardId");
    const batch = [...events, ...events.map((event, place) => copyOf(event, other, place))];
    expect(await tier.open().load(batch)).toMatchObject({ loaded: 10, copies: 10 });
    expect(await tier.holds(project)).toEqual(sent(tier, project, events));
  });

  it("counts a message once whose duplicate arrives first", async () => {
    const { project, rawShard } = names();
    const other = freshName("shardId");
    const events = runOf({ project, rawShard, count: 10 });
    await tier.open().load(events.slice(0, 5).map((event, place) => copyOf(event, other, place)));
    const result = await tier.open().load(events);
    expect(result).toMatchObject({ loaded: 5, copies: 5 });
    expect(await tier.holds(project)).toEqual(sent(tier, project, events));
  });

  it("recognises duplicates of messages received hours ago", async () => {
    const { project, rawShard } = names();
    const other = freshName("shardId");
    const hoursAgoMs = Date.now() - 20 * 3_600_000;
    const events = runOf({
      project,
      rawShard,
      count: 5,
      fields: { receivedAtMs: hoursAgoMs, timeMs: hoursAgoMs - 100 },
    });
    await tier.open().load(events);
    await tier.open().load(runOf({ project, rawShard, count: 20, first: 6 }));
    const copies = events.map((event, place) => ({ ...copyOf(event, other, place), receivedAtMs: Date.now() }));
    expect((await tier.open().load(copies)).copies).toBe(5);
  });

  it("counts each message once that two consumers load at the same time", async () => {
    const { project, rawShard } = names();
    const other = freshName("shardId");
    const events = runOf({ project, rawShard, count: 20, fields: { suspect: true } });
    const copies = events.map((event, place) => copyOf(event, other, place));
    const loads = [tier.open().load(events), tier.open().load(copies)];
    for (const end of await Promise.allSettled(loads)) if (end.status === "rejected") throw end.reason;
    expect(await tier.holds(project)).toEqual(sent(tier, project, events));
  });

  it("holds each event once after two concurrent consumers of one shard", async () => {
    const { project, rawShard } = names();
    const events = runOf({ project, rawShard, count: 30 });
    await Promise.allSettled([tier.open().load(events.slice(0, 20)), tier.open().load(events)]);
    await tier.open().load(events);
    expect(await tier.holds(project)).toEqual(sent(tier, project, events));
  });

  it("keeps its content when a consumer that is behind loads older events", async () => {
    const { project, rawShard } = names();
    const events = runOf({ project, rawShard, count: 30 });
    const [ahead, behind] = [tier.open(), tier.open()];
    await ahead.load(events.slice(0, 10));
    await behind.load(events.slice(0, 10));
    await ahead.load(events.slice(0, 25));
    // The overtaken consumer may fail. Only the content of the tier matters.
    await Promise.allSettled([behind.load(events.slice(0, 15))]);
    expect(await tier.holds(project)).toEqual(sent(tier, project, events.slice(0, 25)));
    await ahead.load(events);
    expect(await tier.holds(project)).toEqual(sent(tier, project, events));
  });

  it("holds each event once after a crash at any call and the same batch again", async () => {
    const calls = await withEveryCrash(async (crash) => {
      const { project, rawShard } = names();
      const events = runOf({ project, rawShard, count: 10 });
      await crashes(tier.open(crash).load(events));
      await tier.open().load(events);
      expect(await tier.holds(project)).toEqual(sent(tier, project, events));
    });
    expect(calls).toBeGreaterThan(5);
  }, 120_000);

  it("holds each event once after a crash at any call and the events in other batches", async () => {
    await withEveryCrash(async (crash) => {
      const { project, rawShard } = names();
      const events = runOf({ project, rawShard, count: 18 });
      await tier.open().load(events.slice(0, 3));
      await crashes(tier.open(crash).load(events.slice(0, 10)));
      await tier.open().load(events.slice(0, 5));
      await tier.open().load(events.slice(0, 15));
      await tier.open().load(events);
      expect(await tier.holds(project)).toEqual(sent(tier, project, events));
    });
  }, 120_000);

  it("holds each event once after two crashes in a row and the events in other batches", async () => {
    await withEveryCrash(
      async (first) => {
        let seconds = 0;
        const again = async (second: CrashPlan) => {
          const { project, rawShard } = names();
          const events = runOf({ project, rawShard, count: 10 });
          await crashes(tier.open(first.again()).load(events));
          await crashes(tier.open(second).load(events.slice(0, 5)));
          await tier.open().load(events.slice(0, 7));
          await tier.open().load(events);
          expect(await tier.holds(project)).toEqual(sent(tier, project, events));
        };
        // The first process crashes at the same call each time. The call of the second crash advances.
        for (let call = 1, second = new CrashPlan(1, "before"); call < 100; second = new CrashPlan(++call, "before")) {
          await again(second);
          if (!second.crashed) break;
          seconds++;
        }
        expect(seconds).toBeGreaterThan(0);
        await crashes(tier.open(first).load(runOf({ ...names(), count: 10 })));
      },
      ["after"],
    );
  }, 180_000);

  it("holds each message once after a crash at any call and a duplicate before the retry", async () => {
    await withEveryCrash(async (crash) => {
      const { project, rawShard } = names();
      const other = freshName("shardId");
      const events = runOf({ project, rawShard, count: 6 });
      await crashes(tier.open(crash).load(events));
      await tier.open().load(events.map((event, place) => copyOf(event, other, place)));
      await tier.open().load(events);
      expect(await tier.holds(project)).toEqual(sent(tier, project, events));
    });
  }, 120_000);

  it("holds each message once after a crash of the duplicate's consumer at any call", async () => {
    await withEveryCrash(async (crash) => {
      const { project, rawShard } = names();
      const other = freshName("shardId");
      const events = runOf({ project, rawShard, count: 6 });
      const copies = events.map((event, place) => copyOf(event, other, place));
      await crashes(tier.open(crash).load(copies));
      await tier.open().load(events);
      await tier.open().load(copies);
      expect(await tier.holds(project)).toEqual(sent(tier, project, events));
    });
  }, 120_000);

  it("returns when a message was loaded, and null for an unknown message", async () => {
    const { project, rawShard } = names();
    const events = runOf({ project, rawShard, count: 30 });
    const opened = tier.open();
    const fromMs = Date.now() - 1_000;
    await opened.load(events.slice(0, 10));
    await opened.load(events.slice(10));
    const last = events[29];
    const located = await tier.open().locate(project, last?.messageId ?? "", last?.receivedAtMs);
    expect(Date.parse(located ?? "")).toBeGreaterThan(fromMs);
    expect(await tier.open().locate(project, events[3]?.messageId ?? "")).not.toBeNull();
    expect(await tier.open().locate(project, "never-sent")).toBeNull();
    expect(await tier.open().locate(freshName("p"), last?.messageId ?? "")).toBeNull();
  });
});
