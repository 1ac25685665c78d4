// Tests the redrive into each tier: the tier holds each event once, whatever part was loaded before and however often it comes.

import type { EnrichedEvent } from "@behaviour/contract";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RedrivableTier } from "../../src/redrive/redriver.ts";
import { originShard, redrivenShard } from "../../src/stream/shard-name.ts";
import {
  covers,
  decodeRanges,
  encodeRanges,
  type PositionRange,
  positionNumber,
  withPositions,
} from "../../src/tiers/hot/ranges.ts";
import { CrashPlan, type CrashSide } from "../tiers/crash.ts";
import { copyOf, freshName, runOf } from "../tiers/events.ts";
import { openStores, type TierStores, type TierUnderTest, tiersUnderTest } from "../tiers/stores.ts";

// A busy machine must not fail these tests.
vi.setConfig({ testTimeout: 60_000 });

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

const tiers = tiersUnderTest(() => stores);
const MINUTE_MS = 60_000;
/** More calls than any load below makes, so that every call gets its crash. */
const CALLS_MAX = 40;

const open = (tier: TierUnderTest, crash?: CrashPlan) => tier.open(crash) as RedrivableTier;

/** Events of three mixed minutes from one raw shard: those before the failed batch, the failed batch, and those after it. */
function giveUp() {
  const project = freshName("p");
  const rawShard = freshName("shardId");
  const nowMs = Date.now();
  const all = runOf({ project, rawShard, count: 40 }).map((event, index) => ({
    ...event,
    receivedAtMs: nowMs - (index % 3) * MINUTE_MS,
  }));
  return { project, all, before: all.slice(0, 10), givenUp: all.slice(10, 25), after: all.slice(25) };
}

async function expectAll(tier: TierUnderTest, project: string, events: readonly EnrichedEvent[]) {
  const ids = events.map(({ messageId }) => messageId).toSorted();
  const held = await tier.holds(project);
  expect(held).toEqual({ events: events.length, messageIds: held.messageIds === null ? null : ids });
}

describe.each(tiers)("$name", (tier) => {
  it("loads missing events once in any number of redrives", async () => {
    const { project, all, before, givenUp, after } = giveUp();
    const live = open(tier);
    await live.load(before);
    await live.load(after);
    expect(await open(tier).redrive(givenUp)).toMatchObject({ loaded: 15 });
    expect(await open(tier).redrive(givenUp)).toMatchObject({ loaded: 0, copies: 0, repeated: 15 });
    await live.load([...before, ...givenUp, ...after]);
    await expectAll(tier, project, all);
  });

  it("ignores a redrive of events that it already holds", async () => {
    const { project, all, before, givenUp, after } = giveUp();
    await open(tier).load([...before, ...givenUp, ...after]);
    expect(await open(tier).redrive(givenUp)).toMatchObject({ loaded: 0, repeated: 15 });
    await expectAll(tier, project, all);
  });

  it("holds redriven events once if the stream still delivers them", async () => {
    const { project, all, before, givenUp, after } = giveUp();
    const live = open(tier);
    await live.load(before);
    expect(await open(tier).redrive(givenUp)).toMatchObject({ loaded: 15 });
    const late = await live.load([...givenUp, ...after]).catch(() => open(tier).load([...givenUp, ...after]));
    expect(late).toMatchObject({ loaded: 15, copies: 0 });
    await expectAll(tier, project, all);
  });

  it("holds each event once after a redrive of overlapping parts in any order", async () => {
    const { project, all, before, givenUp, after } = giveUp();
    await open(tier).load(before);
    await open(tier).load(after);
    for (const part of [givenUp.slice(10), givenUp.slice(0, 5), givenUp.slice(3, 12), givenUp]) {
      await open(tier).redrive(part);
    }
    await expectAll(tier, project, all);
  });

  it("counts a message once whose duplicate arrived through another shard", async () => {
    const { project, all, before, givenUp, after } = giveUp();
    const other = freshName("shardId");
    await open(tier).load(before);
    await open(tier).load(after);
    await open(tier).load(givenUp.slice(0, 5).map((event, place) => copyOf(event, other, place)));
    expect(await open(tier).redrive(givenUp)).toMatchObject({ loaded: 10, copies: 5 });
    await open(tier).load(givenUp.slice(5).map((event, place) => copyOf(event, other, 10 + place)));
    await expectAll(tier, project, all);
  });

  // The consumer tried the failed batch, alone or with the events after it, and crashed at any call.
  it.each<[CrashSide, string]>([
    ["before", "alone"],
    ["after", "alone"],
    ["before", "with its followers"],
    ["after", "with its followers"],
  ])(
    "holds each event once after a redrive of a batch on which it crashed %s any call, tried %s",
    async (side, how) => {
      for (let call = 1; call <= CALLS_MAX; call++) {
        const { project, all, before, givenUp, after } = giveUp();
        await open(tier).load(before);
        const crash = new CrashPlan(call, side);
        const tried = how === "alone" ? givenUp : [...givenUp, ...after];
        await open(tier, crash)
          .load(tried)
          .catch(() => undefined);
        if (!crash.crashed) return;
        await open(tier).load(after);
        await open(tier).redrive(givenUp);
        await expectAll(tier, project, all);
      }
      expect.fail("a load makes more calls than were tried");
    },
    180_000,
  );

  it.each<CrashSide>(["before", "after"])(
    "holds each event once after a crash %s any call of the redrive itself",
    async (side) => {
      for (let call = 1; call <= CALLS_MAX; call++) {
        const { project, all, before, givenUp, after } = giveUp();
        await open(tier).load(before);
        await open(tier).load(after);
        const crash = new CrashPlan(call, side);
        await open(tier, crash)
          .redrive(givenUp)
          .catch(() => undefined);
        await open(tier).redrive(givenUp);
        await expectAll(tier, project, all);
        if (!crash.crashed) return;
      }
      expect.fail("a redrive makes more calls than were tried");
    },
    180_000,
  );
});

describe("names of redriven shards", () => {
  it("are equal for the same batch only, and contain the name of the original shard", () => {
    const name = redrivenShard("eu.1.raw.shardId-000000000001", "4957");
    expect(redrivenShard("eu.1.raw.shardId-000000000001", "4957")).toBe(name);
    expect(redrivenShard("eu.1.raw.shardId-000000000001", "4958")).not.toBe(name);
    expect(originShard(redrivenShard(name, "1"))).toBe("eu.1.raw.shardId-000000000001");
    expect(originShard("eu.1.raw.shardId-000000000001")).toBe("eu.1.raw.shardId-000000000001");
  });
});

describe("ranges of positions", () => {
  const position = (place: number) =>
    positionNumber(`${String(4_957 + Math.floor(place / 5)).padStart(64, "0")}.00000${place % 5}`);

  it("cover the added positions and no position between them", () => {
    const places = fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(places, { minLength: 1, maxLength: 8 }), (groups) => {
        let ranges: readonly PositionRange[] = [];
        const added = new Set<number>();
        for (const group of groups) {
          const fresh = group.filter((place) => !added.has(place)).toSorted((a, b) => a - b);
          for (const place of fresh) added.add(place);
          // Adds the positions one by one, as if others lay between them: then the ranges may cover only added positions.
          for (const place of fresh) ranges = withPositions(ranges, [position(place)]);
        }
        expect(decodeRanges(encodeRanges(ranges))).toEqual(ranges);
        for (let place = 0; place <= 201; place++) expect(covers(ranges, position(place))).toBe(added.has(place));
      }),
    );
  });

  it("join positions that are added together, but not across existing ranges", () => {
    const first = withPositions([], [position(10), position(12)]);
    expect(first).toEqual([{ first: position(10), last: position(12) }]);
    const more = withPositions(first, [position(1), position(3), position(20), position(30)]);
    expect(more.map(({ first: from, last }) => last - from > 0n)).toEqual([true, true, true]);
    expect([2, 11, 25].map((place) => covers(more, position(place)))).toEqual([true, true, true]);
    expect([4, 9, 13, 19].map((place) => covers(more, position(place)))).toEqual([false, false, false, false]);
  });

  it("are limited in number: the oldest gaps are closed", () => {
    let ranges: readonly PositionRange[] = [];
    for (let place = 0; place < 1_200; place++) ranges = withPositions(ranges, [position(place * 2)]);
    expect(ranges).toHaveLength(1_000);
    expect(covers(ranges, position(1))).toBe(true);
    expect(covers(ranges, position(2_397))).toBe(false);
  });
});
