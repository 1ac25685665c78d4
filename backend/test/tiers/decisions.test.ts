// Tests the pure decisions of the tiers with tables: order, labels, and the place of each event.

import { position } from "@behaviour/contract";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planObjects } from "../../src/tiers/cold/load-plan.ts";
import { planHotLoad } from "../../src/tiers/hot/tier.ts";
import { cutText, eventLabel } from "../../src/tiers/label.ts";
import { after, inOrder } from "../../src/tiers/order.ts";
import { planWarmLoad } from "../../src/tiers/warm/tier.ts";
import { enrichedEvent, runOf } from "./events.ts";

const MINUTE_MS = 60_000;
const nowMs = Date.UTC(2026, 10, 25, 12, 0, 30);

describe("inOrder", () => {
  it("turns records that overlap in any way into one ordered run", () => {
    const run = runOf({ project: "p", rawShard: "s", count: 30 });
    // The rule of the stream: each delivery starts at or before the end of the previous delivery.
    const deliveries = fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { maxLength: 8 });
    fc.assert(
      fc.property(deliveries, (cuts) => {
        const batch = [];
        let reached = 0;
        for (const [back, ahead] of cuts) {
          const start = Math.max(0, reached - back);
          batch.push(...run.slice(start, start + ahead));
          reached = Math.max(reached, Math.min(30, start + ahead));
        }
        const { shards, repeated } = inOrder(batch);
        expect(shards.get("s") ?? []).toEqual(run.slice(0, reached));
        expect(repeated).toBe(batch.length - reached);
      }),
    );
  });

  it("separates the raw shards", () => {
    const [one, other] = [
      runOf({ project: "p", rawShard: "s1", count: 3 }),
      runOf({ project: "p", rawShard: "s2", count: 3 }),
    ];
    const mixed = one.flatMap((event, index) => [event, ...other.slice(index, index + 1)]);
    expect([...inOrder(mixed).shards]).toEqual([
      ["s1", one],
      ["s2", other],
    ]);
  });
});

describe("after", () => {
  const run = runOf({ project: "p", rawShard: "s", count: 25 });

  it.each([
    ["no checkpoint", undefined, 25],
    ["a checkpoint before the first event", position("1", 0), 25],
    ["a checkpoint at the first event", run[0]?.position, 24],
    ["a checkpoint at the tenth event, the last of its record", run[9]?.position, 15],
    ["a checkpoint at the last event", run[24]?.position, 0],
    ["a checkpoint after the last event", position("9".repeat(56), 0), 0],
  ])("%s leaves the events after it", (_name, checkpoint, left) => {
    expect(after(run, checkpoint)).toEqual(run.slice(25 - left));
  });
});

describe("eventLabel", () => {
  it.each([
    [{ type: "track", event: "Order Completed" }, "Order Completed"],
    [{ type: "page", event: null }, "page"],
    [{ type: "page", event: "" }, "page"],
    [{ type: "page", event: "x".repeat(5_000) }, "x".repeat(200)],
  ] as const)("of %j", (event, label) => {
    expect(eventLabel(event)).toBe(label);
  });

  it("is never cut within a surrogate pair", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat(20), (text, units) => {
        const wellFormed = text.toWellFormed();
        expect(cutText(wellFormed, units).isWellFormed()).toBe(true);
        expect(cutText(wellFormed, units).length).toBeLessThanOrEqual(units);
      }),
    );
  });
});

describe("planHotLoad and planWarmLoad", () => {
  it("of the hot tier assigns each event to its project's minute, and excludes events that are too old", () => {
    const at = (receivedAtMs: number) => ({ receivedAtMs, timeMs: receivedAtMs });
    const [one, two] = runOf({ project: "p1", rawShard: "s", count: 2, fields: at(nowMs) });
    const [three] = runOf({ project: "p1", rawShard: "s", count: 1, first: 3, fields: at(nowMs - MINUTE_MS) });
    const [four] = runOf({ project: "p2", rawShard: "s", count: 1, first: 4, fields: at(nowMs) });
    const [old] = runOf({ project: "p2", rawShard: "s", count: 1, first: 5, fields: at(nowMs - 48 * 60 * MINUTE_MS) });
    const given = [one, two, three, four, old].filter((event) => event !== undefined);
    const plan = planHotLoad("s", given, nowMs);
    expect(plan.outdated).toBe(1);
    expect([...plan.projects].map(([project, minutes]) => [project, minutes.map(({ events }) => events)])).toEqual([
      ["p1", [[one, two], [three]]],
      ["p2", [[four]]],
    ]);
  });

  it("of the warm tier splits the run of each raw shard into chunks, in order", () => {
    const [long, short] = [
      runOf({ project: "p", rawShard: "s1", count: 11_000 }),
      runOf({ project: "p", rawShard: "s2", count: 3 }),
    ];
    const { chunks, repeated } = planWarmLoad([...long, ...short, ...short]);
    expect(chunks.map((chunk) => chunk.length)).toEqual([5_000, 5_000, 1_000, 3]);
    expect(chunks.flat()).toEqual([...long, ...short]);
    expect(repeated).toBe(3);
  });

  it("of the cold tier derives the object's key from project, day and range only", () => {
    const range = { rawShard: "shardId-000000000001", first: position("17", 0), last: position("23", 4) };
    const event = (project: string, timeMs: number) => enrichedEvent({ project, rawShard: "s", timeMs });
    const midnight = Date.UTC(2026, 10, 25);
    const objects = planObjects([event("p1", midnight), event("p1", midnight - 1), event("p2", midnight)], range);
    expect([...objects.keys()]).toEqual([
      "project=p1/day=2026-11-25/shardId-000000000001-17.000000-23.000004.parquet",
      "project=p1/day=2026-11-24/shardId-000000000001-17.000000-23.000004.parquet",
      "project=p2/day=2026-11-25/shardId-000000000001-17.000000-23.000004.parquet",
    ]);
  });
});
