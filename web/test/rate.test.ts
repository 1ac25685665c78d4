/** Tests events per second, computed from successive counts per minute. */
import { describe, expect, test } from "vitest";
import type { MinuteCount } from "../dashboard/api/types.ts";
import { RateMeter } from "../dashboard/live/rate.ts";

const MINUTE_MS = 60_000;
const START_MS = Date.parse("2026-01-01T12:00:00Z");

/** Counts per minute, starting at `START_MS`. */
function counts(...events: number[]): MinuteCount[] {
  return events.map((count, index) => ({
    minute: new Date(START_MS + index * MINUTE_MS).toISOString(),
    events: count,
  }));
}

describe("two answers tell the events between them", () => {
  test("within one minute", () => {
    const meter = new RateMeter();
    meter.add(counts(100), START_MS + 10_000);
    meter.add(counts(130), START_MS + 11_000);
    expect(meter.perSecond(START_MS + 11_000)).toBe(30);
    expect(meter.samples).toEqual([{ atMs: START_MS + 11_000, elapsedMs: 1_000, events: 30 }]);
  });

  test("across the turn of a minute, late events of the old one included", () => {
    const meter = new RateMeter();
    meter.add(counts(100), START_MS + 59_500);
    meter.add(counts(110, 5), START_MS + 60_500);
    expect(meter.perSecond(START_MS + 60_500)).toBe(15);
  });

  test("a minute that leaves the window, or comes into it from before, counts for nothing", () => {
    const meter = new RateMeter();
    meter.add(counts(500, 40).slice(1), START_MS + 90_000);
    meter.add(counts(500, 50), START_MS + 91_000);
    expect(meter.perSecond(START_MS + 91_000)).toBe(10);
    meter.add(counts(500, 60).slice(1), START_MS + 92_000);
    expect(meter.perSecond(START_MS + 92_000)).toBe(10);
  });

  test("a count set right downwards is no negative rate", () => {
    const meter = new RateMeter();
    meter.add(counts(100), START_MS + 10_000);
    meter.add(counts(90), START_MS + 11_000);
    expect(meter.perSecond(START_MS + 11_000)).toBe(0);
  });
});

test("now is the mean of the last five seconds", () => {
  const meter = new RateMeter();
  let total = 0;
  for (let second = 0; second <= 20; second++) {
    total += second < 15 ? 100 : 10;
    meter.add(counts(total), START_MS + second * 1_000);
  }
  expect(meter.perSecond(START_MS + 20_000)).toBe(10);
});

test("after a gap the old seconds are gone and the events between say nothing of any second", () => {
  const meter = new RateMeter();
  meter.add(counts(0), START_MS);
  meter.add(counts(10), START_MS + 1_000);
  meter.add(counts(5_000), START_MS + 40_000);
  expect(meter.samples).toEqual([]);
  expect(meter.perSecond(START_MS + 40_000)).toBe(5_000 / 40);
});

test("the first answer is judged by its minutes", () => {
  const early = new RateMeter();
  early.add(counts(120, 9), START_MS + MINUTE_MS + 2_000);
  expect(early.perSecond(START_MS + MINUTE_MS + 2_000)).toBe(2);
  const late = new RateMeter();
  late.add(counts(120, 90), START_MS + MINUTE_MS + 30_000);
  expect(late.perSecond(START_MS + MINUTE_MS + 30_000)).toBe(3);
  expect(new RateMeter().perSecond(START_MS)).toBe(0);
});
