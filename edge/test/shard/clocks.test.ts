// Tests duplicates from clients with a wrong clock, or without a time, after a busy shard's memory was replaced. A message that
// looks newer than it is must still be looked up on disk. E5.

import type { EventTime } from "@behaviour/contract";
import { LIMITS } from "@behaviour/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { firstTakenFromMs } from "../../src/collect/first-taken.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { restoreShards, shrinkShards } from "./small-shard.ts";
import { append, appendInput, untilFlushed } from "./stub.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

describe("at the door", () => {
  beforeEach(() => shrinkShards({ dedupeMemoryIds: 2_000, dedupeRunIds: 1_000 }));
  afterEach(restoreShards);

  /** Appends so many messages that memory has no earlier ids. */
  async function turnOver(project: string): Promise<void> {
    for (let commit = 0; commit < 8; commit++) {
      const ids = Array.from({ length: 500 }, (_, index) => `other-${commit}-${index}`);
      await append(project, appendInput(ids));
      await untilFlushed(project);
    }
  }

  const iso = (ms: number) => new Date(ms).toISOString();

  it.each<{
    name: string;
    times: (nowMs: number) => Record<string, unknown>;
    again?: (nowMs: number) => Record<string, unknown>;
    headers?: Record<string, string>;
  }>([
    { name: "a correct clock", times: (now) => ({ timestamp: iso(now), sentAt: iso(now) }) },
    { name: "no time at all", times: () => ({}) },
    { name: "a time that cannot be read", times: () => ({ timestamp: "yesterday" }) },
    { name: "a time far in the future", times: (now) => ({ timestamp: iso(now + 48 * HOUR_MS) }) },
    { name: "a clock that is fast, and no `sentAt`", times: (now) => ({ timestamp: iso(now + 2 * HOUR_MS) }) },
    { name: "a clock that is a little fast, and no `sentAt`", times: (now) => ({ timestamp: iso(now + 20_000) }) },
    {
      name: "a clock that is fast by less than the correction's minimum",
      times: (now) => ({ timestamp: iso(now + 4 * MINUTE_MS), sentAt: iso(now + 4 * MINUTE_MS) }),
      again: (now) => ({ sentAt: iso(now + 4 * MINUTE_MS) }),
    },
    {
      name: "a clock that is hours fast",
      times: (now) => ({ timestamp: iso(now + 3 * HOUR_MS), sentAt: iso(now + 3 * HOUR_MS) }),
      again: (now) => ({ sentAt: iso(now + 3 * HOUR_MS) }),
    },
    {
      name: "a clock that is hours fast, on a retry with the first `sentAt`",
      times: (now) => ({ timestamp: iso(now + 3 * HOUR_MS), sentAt: iso(now + 3 * HOUR_MS) }),
      headers: { "X-Retry-Count": "1" },
    },
    {
      name: "a clock that is slow",
      times: (now) => ({ timestamp: iso(now - 3 * HOUR_MS), sentAt: iso(now - 3 * HOUR_MS) }),
      again: (now) => ({ sentAt: iso(now - 3 * HOUR_MS) }),
    },
  ])("$name: the duplicate is recognised", async ({ times, again = () => ({}), headers = {} }) => {
    const project = newProject("clocks");
    const key = await newKey({ project });
    const event = { ...goodEvent(), ...times(Date.now()) };
    const first = await send("/v1/track", { headers: bearer(key), body: event });
    expect(first.body).toMatchObject({ accepted: 1, duplicates: 0 });
    await turnOver(project);
    const copy = { ...event, ...again(Date.now()) };
    const second = await send("/v1/track", { headers: { ...bearer(key), ...headers }, body: copy });
    expect(second.body).toMatchObject({ accepted: 0, duplicates: 1 });
  });
});

describe("the earliest possible time of the first copy", () => {
  const NOW_MS = Date.UTC(2026, 10, 25);
  const WINDOW_FROM_MS = NOW_MS - LIMITS.dedupeWindowMs;
  const time = (originalMs: number | null, sentAtMs: number | null): EventTime => ({
    timeMs: NOW_MS,
    originalMs,
    sentAtMs,
    warning: null,
  });

  it.each<[name: string, EventTime, isRetry: boolean, expected: number]>([
    ["no time: the start of the window", time(null, NOW_MS), false, WINDOW_FROM_MS],
    ["a correct clock: the event's own time", time(NOW_MS - 500, NOW_MS - 100), false, NOW_MS - 500],
    ["sent long after the event: the event's own time", time(NOW_MS - HOUR_MS, NOW_MS), false, NOW_MS - HOUR_MS],
    [
      "a fast clock: the event's time minus the clock's lead",
      time(NOW_MS + HOUR_MS - 500, NOW_MS + HOUR_MS),
      false,
      NOW_MS - 500,
    ],
    [
      "a slow clock: the event's own time, which is too early",
      time(NOW_MS - HOUR_MS, NOW_MS - HOUR_MS),
      false,
      NOW_MS - HOUR_MS,
    ],
    ["a time after its own `sentAt`: the start of the window", time(NOW_MS + HOUR_MS, NOW_MS), false, WINDOW_FROM_MS],
    ["no `sentAt`: the event's time minus a margin", time(NOW_MS - 500, null), false, NOW_MS - 500 - MINUTE_MS],
    ["no `sentAt` and a time in the future: the start of the window", time(NOW_MS + 1, null), false, WINDOW_FROM_MS],
    [
      "a retry: `sentAt` is not used to measure the clock",
      time(NOW_MS - 500, NOW_MS + HOUR_MS),
      true,
      NOW_MS - 500 - MINUTE_MS,
    ],
    [
      "a retry with a fast clock: the start of the window",
      time(NOW_MS + HOUR_MS, NOW_MS + HOUR_MS),
      true,
      WINDOW_FROM_MS,
    ],
  ])("%s", (_name, given, isRetry, expected) => {
    expect(firstTakenFromMs(given, NOW_MS, isRetry)).toBe(expected);
  });
});
