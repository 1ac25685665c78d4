// Tests which region's stream is used: the primary until it fails twice, then the secondary, then the primary again, without
// flapping. E13.

import { describe, expect, it } from "vitest";
import { Failover, type RegionIndex } from "../../src/shard/failover.ts";

const MINUTE_MS = 60_000;
const PRIMARY = { region: 0, trial: null };
const SECONDARY = { region: 1, trial: null };
const SECONDARY_AND_TRIAL = { region: 1, trial: 0 };

function failTimes(failover: Failover, region: RegionIndex, times: number, nowMs: number): boolean {
  let another = false;
  for (let i = 0; i < times; i++) another = failover.failed(region, nowMs);
  return another;
}

describe("one region", () => {
  it("is always chosen", () => {
    const failover = new Failover(1);
    expect(failTimes(failover, 0, 100, 0)).toBe(false);
    for (const nowMs of [0, 1, MINUTE_MS, 10 * MINUTE_MS]) expect(failover.choose(nowMs)).toEqual(PRIMARY);
  });
});

describe("two regions", () => {
  it("use the primary while it works, also after a single failure", () => {
    const failover = new Failover(2);
    expect(failover.choose(0)).toEqual(PRIMARY);
    expect(failover.failed(0, 0)).toBe(false);
    expect(failover.choose(0)).toEqual(PRIMARY);
    failover.succeeded(0);
    expect(failover.failed(0, 0)).toBe(false);
    expect(failover.choose(0)).toEqual(PRIMARY);
  });

  it("use the secondary after two failures of the primary, and the primary after a successful trial", () => {
    const failover = new Failover(2);
    expect(failTimes(failover, 0, 2, 1_000)).toBe(true);
    expect(failover.choose(1_000)).toEqual(SECONDARY);
    failover.succeeded(1);
    expect(failover.choose(5_999)).toEqual(SECONDARY);
    expect(failover.choose(6_000)).toEqual(SECONDARY_AND_TRIAL);
    failover.succeeded(0);
    expect(failover.choose(6_001)).toEqual(PRIMARY);
  });

  it("try a primary that stays down less and less often, but at least every minute", () => {
    const failover = new Failover(2);
    let nowMs = 0;
    failTimes(failover, 0, 2, nowMs);
    const pausesMs: number[] = [];
    for (let i = 0; i < 12; i++) {
      const since = nowMs;
      while (failover.choose(nowMs).trial === null) nowMs += 100;
      pausesMs.push(nowMs - since);
      failover.failed(0, nowMs);
    }
    expect(pausesMs.slice(0, 4)).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(Math.max(...pausesMs)).toBe(MINUTE_MS);
  });

  it("try each region within a minute when both are down, and use the first that works", () => {
    const failover = new Failover(2);
    expect(failTimes(failover, 0, 2, 0)).toBe(true);
    expect(failTimes(failover, 1, 2, 100)).toBe(false);
    const tried = new Set<RegionIndex>();
    for (let nowMs = 0; nowMs <= 2 * MINUTE_MS; nowMs += 500) {
      const { region } = failover.choose(nowMs);
      tried.add(region);
      failover.failed(region, nowMs);
    }
    expect(tried).toEqual(new Set([0, 1]));
    failover.succeeded(1);
    expect(failover.choose(2 * MINUTE_MS).region).toBe(1);
  });
});
