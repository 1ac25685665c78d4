// Counts the commits and flushes at a given load, with a clock that jumps from timer to timer. ADR 010.

import { afterEach, describe, expect, it, vi } from "vitest";
import { GroupCommit, type Member } from "../../src/shard/group-commit.ts";
import { commitGapMs, EventRate, flushDelayMs } from "../../src/shard/pace.ts";

afterEach(() => vi.useRealTimers());

describe("the gap between commits", () => {
  it.each([
    [0, 28],
    [10, 28],
    [1_000, 28],
    [2_000, 10.98],
    [5_000, 3.19],
    [6_000, 3],
    [1_000_000, 3],
  ])("at %i events a second is %d ms", (eventsPerSecond, gapMs) => {
    expect(commitGapMs(eventsPerSecond)).toBeCloseTo(gapMs, 2);
  });

  it("follows an increase and a decrease of the load within seconds", () => {
    const rate = new EventRate();
    let nowMs = 0;
    for (; nowMs < 3_000; nowMs += 4) rate.add(20, nowMs);
    expect(rate.perSecond(nowMs)).toBeGreaterThan(4_500);
    expect(rate.perSecond(nowMs)).toBeLessThan(5_500);
    expect(rate.perSecond(nowMs + 5_000)).toBeLessThan(50);
  });
});

describe("rows per event", () => {
  /** Poisson arrivals for ten seconds. @returns the rows written per event, and the longest wait. */
  async function load(requestsPerSecond: number, eventsEach: number) {
    vi.useFakeTimers({ toFake: ["Date", "performance", "setTimeout", "clearTimeout"] });
    const rate = new EventRate();
    let commits = 0;
    const commit = new GroupCommit<Member>(
      async () => {
        commits++;
      },
      { gapMs: () => commitGapMs(rate.perSecond(Date.now())) },
    );
    let events = 0;
    let longestMs = 0;
    const done: Promise<void>[] = [];
    let state = 1;
    const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
    for (let ms = 0; ms < 10_000; ) {
      const pauseMs = (-Math.log(1 - random()) * 1_000) / requestsPerSecond;
      ms += pauseMs;
      await vi.advanceTimersByTimeAsync(pauseMs);
      rate.add(eventsEach, Date.now());
      const fromMs = Date.now();
      events += eventsEach;
      const member = { ids: new Uint8Array(8), data: new Uint8Array(100), compressed: false };
      done.push(commit.add(member).then(() => void (longestMs = Math.max(longestMs, Date.now() - fromMs))));
    }
    await vi.advanceTimersByTimeAsync(100);
    await Promise.all(done);
    const flushes = 10_000 / flushDelayMs({ bytes: 0, count: 1 }, false);
    return { rowsAnEvent: (commits + flushes) / events, longestMs };
  }

  it.each([
    ["batches of 20, 1,000 events/s", 50, 20, 0.05],
    ["single events, 1,000/s", 1_000, 1, 0.09],
    ["batches of 20, 5,000 events/s", 250, 20, 0.05],
    ["single events, 200/s", 200, 1, 0.25],
  ])("%s", async (_name, requestsPerSecond, eventsEach, most) => {
    const { rowsAnEvent, longestMs } = await load(requestsPerSecond, eventsEach);
    expect(rowsAnEvent).toBeLessThanOrEqual(most);
    expect(longestMs).toBeLessThanOrEqual(29);
  });

  it("at 5,000 events a second in batches the gap is at most 6 ms", async () => {
    await load(250, 20);
    vi.useRealTimers();
    expect(commitGapMs(5_000)).toBeLessThanOrEqual(6);
  });
});

describe("the delay before a flush", () => {
  it.each([
    ["few, unwatched", { bytes: 1_000, count: 3 }, false, 250],
    ["few, watched", { bytes: 1_000, count: 3 }, true, 100],
    ["many bytes", { bytes: 600_000, count: 3 }, false, 100],
    ["many rows", { bytes: 1_000, count: 400 }, false, 100],
  ])("%s", (_name, waiting, isWatched, delayMs) => {
    expect(flushDelayMs(waiting, isWatched)).toBe(delayMs);
  });
});
