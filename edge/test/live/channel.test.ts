// Tests how many events of a busy project an isolate sends to the live tail. The test passes the time.

import { LIMITS } from "@behaviour/contract";
import { expect, it } from "vitest";
import { Channel } from "../../src/live/channel.ts";

it("admits a whole batch after a pause, and then a fixed rate", () => {
  const channel = new Channel();
  expect(channel.admit(LIMITS.eventsPerRequest, 0)).toBe(LIMITS.eventsPerRequest);
  let admitted = 0;
  for (let nowMs = 1; nowMs <= 10_000; nowMs++) admitted += channel.admit(50, nowMs);
  expect(admitted).toBeLessThanOrEqual(10 * LIMITS.liveEventsPerSecond);
  expect(admitted).toBeGreaterThan(9 * LIMITS.liveEventsPerSecond);
  // Every message is either admitted or counted.
  expect(channel.take(10_000).lost).toBe(10_000 * 50 - admitted);
});

it("uses the share that the tail assigns, and never stops completely", () => {
  const channel = new Channel();
  channel.hear({ eventsPerSecond: 2, gapMs: 400 });
  channel.admit(10_000, 0);
  let admitted = 0;
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 10) admitted += channel.admit(100, nowMs);
  expect(admitted).toBeGreaterThanOrEqual(100);
  expect(admitted).toBeLessThanOrEqual(130);
  expect(channel.gapMs).toBe(400);
});

it("works unchanged with a tail of the previous release", () => {
  const channel = new Channel();
  channel.hear(true);
  expect(channel.admit(100, 0)).toBe(100);
});

it("lets one call be under way, which takes along what comes meanwhile", () => {
  const channel = new Channel();
  channel.add("a");
  expect(channel.lead(0)).toBe(true);
  expect(channel.take(0)).toEqual({ texts: ["a"], lost: 0 });
  channel.add("b");
  channel.lose(3);
  expect(channel.lead(5)).toBe(false);
  expect(channel.take(6)).toEqual({ texts: ["b"], lost: 3 });
  expect(channel.hasMore).toBe(false);
  // The request of that call was cut off. The channel does not wait for it forever.
  expect(channel.lead(60_000)).toBe(true);
});

it("holds no more than one watcher's room", () => {
  const channel = new Channel();
  const text = "x".repeat(100_000);
  for (let i = 0; i < 100; i++) channel.add(text);
  const { texts, lost } = channel.take(0);
  expect(texts.length * text.length).toBeLessThanOrEqual(LIMITS.liveBufferBytes);
  expect(texts.length + lost).toBe(100);
});
