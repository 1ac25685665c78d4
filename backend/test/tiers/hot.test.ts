// Tests the promises of the hot tier beyond the suite of all tiers: the real-time view, bounded items, and the sketch.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countEvents, KEYS_MAX, minuteFromItem, minuteOf, minuteToItem } from "../../src/tiers/hot/minute.ts";
import { readRealtime } from "../../src/tiers/hot/read.ts";
import { Sketch } from "../../src/tiers/hot/sketch.ts";
import { HotTier } from "../../src/tiers/hot/tier.ts";
import { enrichedEvent, freshName, runOf } from "./events.ts";
import { openStores, type TierStores } from "./stores.ts";

const MINUTE_MS = 60_000;

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

describe("readRealtime", () => {
  it("answers for every minute of the window, over all shards, for one project only", async () => {
    const project = freshName("p");
    const nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS + 30_000;
    const tier = new HotTier({ dynamodb: stores.dynamodb, nowMs: () => nowMs });
    const at = (minutesAgo: number) => ({ receivedAtMs: nowMs - minutesAgo * MINUTE_MS });
    const page = { type: "page", event: null } as const;
    await tier.load([
      ...runOf({ project, rawShard: "s1", count: 3, fields: { ...page, path: "/a", subject: "u1", ...at(0) } }),
      ...runOf({ project, rawShard: "s2", count: 2, fields: { ...page, path: "/b", subject: "u2", ...at(0) } }),
      ...runOf({ project, rawShard: "s1", first: 10, count: 4, fields: { subject: "u3", country: "FR", ...at(2) } }),
      ...runOf({ project, rawShard: "s1", first: 20, count: 5, fields: { subject: "u4", ...at(7) } }),
      ...runOf({ project: freshName("p"), rawShard: "s1", first: 30, count: 9, fields: at(0) }),
    ]);
    const read = await readRealtime(stores.dynamodb, project, 5, nowMs);
    expect(read.perMinute).toEqual(
      [4, 3, 2, 1, 0].map((ago) => ({
        minute: minuteOf(nowMs - ago * MINUTE_MS),
        events: ago === 0 ? 5 : ago === 2 ? 4 : 0,
      })),
    );
    expect(read.activeUsers).toBe(3);
    expect(read.topEvents).toEqual([
      { event: "page", count: 5 },
      { event: "Order Completed", count: 4 },
    ]);
    expect(read.topPages).toEqual([
      { page: "/a", count: 3 },
      { page: "/b", count: 2 },
    ]);
    expect(read.countries).toEqual([
      { country: "DE", count: 5 },
      { country: "FR", count: 4 },
    ]);
  });

  it("does not show expired minutes, and refuses events that would be expired", async () => {
    const project = freshName("p");
    const tier = new HotTier({ dynamodb: stores.dynamodb });
    const oldMs = Date.now() - 48 * 3_600_000;
    const result = await tier.load(
      runOf({ project, rawShard: "s1", count: 4, fields: { receivedAtMs: oldMs, timeMs: oldMs } }),
    );
    expect(result.outdated).toBe(4);
    await tier.load(runOf({ project, rawShard: "s1", first: 10, count: 2 }));
    const inTwoDaysMs = Date.now() + 49 * 3_600_000;
    const read = await readRealtime(stores.dynamodb, project, 3 * 24 * 60, inTwoDaysMs);
    expect(read.perMinute.every(({ events }) => events === 0)).toBe(true);
  });
});

describe("a minute's item", () => {
  it("stays small for any events, and loses no count", () => {
    const events = Array.from({ length: 3_000 }, (_, index) =>
      enrichedEvent({
        project: "p",
        rawShard: "s",
        type: "page",
        event: index < 50 ? "Home" : `${index} ${"🛒".repeat(200)}`,
        path: `/${index}/${"x".repeat(8_000)}`,
      }),
    );
    let counters = countEvents(null, events.slice(0, 1_500));
    counters = countEvents(counters, events.slice(1_500));
    expect(counters.events).toBe(3_000);
    expect(counters.labels.counts.size).toBe(KEYS_MAX);
    expect(counters.labels.counts.get("Home")).toBe(50);
    const sum = [...counters.labels.counts.values()].reduce((total, count) => total + count, counters.labels.rest);
    expect(sum).toBe(3_000);
    const item = minuteToItem("p", minuteOf(0), "s", counters);
    expect(JSON.stringify(item).length).toBeLessThan(200_000);
    expect(minuteFromItem(item)).toEqual(counters);
  });
});

describe("the sketch", () => {
  const sketchOf = (from: number, count: number) => {
    const sketch = new Sketch();
    for (let index = from; index < from + count; index++) sketch.add(`subject-${index}`);
    return sketch;
  };

  it("is exact for a few hundred and within 5 % for many", () => {
    expect(sketchOf(0, 0).estimate()).toBe(0);
    expect(sketchOf(0, 500).estimate()).toBe(500);
    for (const count of [600, 2_000, 10_000, 200_000]) {
      const estimate = sketchOf(0, count).estimate();
      expect(Math.abs(estimate - count) / count).toBeLessThan(0.05);
    }
  });

  it("counts a subject once for any number of additions and merges", () => {
    const union = sketchOf(0, 20_000);
    union.merge(sketchOf(10_000, 20_000));
    union.merge(sketchOf(0, 300));
    expect(Math.abs(union.estimate() - 30_000) / 30_000).toBeLessThan(0.05);
    const exact = sketchOf(0, 200);
    exact.merge(sketchOf(100, 200));
    expect(exact.estimate()).toBe(300);
  });

  it("is unchanged by encoding and decoding, in both forms", () => {
    for (const count of [0, 1, 512, 513, 5_000]) {
      const sketch = sketchOf(0, count);
      expect(Sketch.decode(sketch.encode()).estimate()).toBe(sketch.estimate());
      expect(sketch.encode().byteLength).toBeLessThan(4_200);
    }
    expect(() => Sketch.decode(new Uint8Array([7, 1, 2]))).toThrow("not a sketch");
  });

  it("is the same for any order of merges", () => {
    const parts = Array.from({ length: 8 }, () => {
      const sketch = new Sketch();
      for (let index = 0; index < 400; index++) sketch.add(randomUUID());
      return sketch;
    });
    const [forth, back] = [new Sketch(), new Sketch()];
    for (const part of parts) forth.merge(part);
    for (const part of parts.toReversed()) back.merge(part);
    expect(forth.encode()).toEqual(back.encode());
  });
});
