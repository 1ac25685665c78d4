// Tests steps of the machine's clock, by seconds or by a day, back or forth, at any moment. A step delays no request, loses no
// event and causes no failure. Timers are not affected; only the times that clocks return jump.

import { decodeFrame, packIds } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { isOver, waitLeftMs } from "../../src/clock.ts";
import { appendJoined } from "../../src/collect/join.ts";
import { RateBuckets } from "../../src/rate-bucket.ts";
import { Failover } from "../../src/shard/failover.ts";
import { GroupCommit, type Member } from "../../src/shard/group-commit.ts";
import { commitGapMs, EventRate } from "../../src/shard/pace.ts";
import { RecentIds } from "../../src/shard/recent-ids.ts";
import { Watch } from "../../src/shard/watch.ts";
import { newProject } from "../keys.ts";
import { bytesOf, streamState } from "../servers/kinesis/stream.ts";
import { append, appendInput, runAlarm, untilFlushed } from "./stub.ts";

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const STEPS_MS = [-24 * HOUR_MS, -HOUR_MS, -4 * SECOND_MS, 4 * SECOND_MS, HOUR_MS, 24 * HOUR_MS];

afterEach(() => {
  vi.restoreAllMocks();
  offMs = 0;
});

let offMs = 0;

/** In workerd both clocks are the same clock, so both are stepped. */
function step(byMs: number): void {
  if (!vi.isMockFunction(Date.now)) {
    const [date, monotonic] = [Date.now.bind(Date), performance.now.bind(performance)];
    vi.spyOn(Date, "now").mockImplementation(() => date() + offMs);
    vi.spyOn(performance, "now").mockImplementation(() => monotonic() + offMs);
  }
  offMs += byMs;
}

/** Much longer than every wait, and much shorter than every step. */
const SOON_MS = 2_000;

async function soon<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("waits for the clock")), SOON_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

describe.each(STEPS_MS)("a step of %i ms", (byMs) => {
  it("between two commits", async () => {
    const commit = new GroupCommit<Member>(async () => {}, { gapMs: () => 6 });
    const member = () => ({ ids: new Uint8Array(8), data: new Uint8Array(10), compressed: false });
    await soon(commit.add(member()));
    step(byMs);
    await soon(commit.add(member()));
    await soon(commit.add(member()));
    expect(commit.pendingBytes).toBe(0);
  });

  it("before and during a joined call delays no request", async () => {
    const name = newProject("stepped");
    const answer = { outcome: "stored", watched: false } as const;
    const send = (delayMs: number) => async (inputs: unknown[]) => {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      return inputs.map(() => answer);
    };
    expect(await soon(appendJoined(name, appendInput(["a"]), send(1)))).toEqual(answer);
    step(byMs);
    const others = ["b", "c", "d"].map((id) => appendJoined(name, appendInput([id]), send(30)));
    await new Promise((resolve) => setTimeout(resolve, 10));
    step(-byMs);
    expect(await soon(Promise.all(others))).toEqual([answer, answer, answer]);
    step(byMs);
    expect(await soon(appendJoined(name, appendInput(["e"]), send(1)))).toEqual(answer);
  });

  it("in a shard that accepts events loses no event, and each is sent once", async () => {
    const project = newProject("shard-stepped");
    const names: string[] = [];
    for (const by of [0, byMs, -byMs, byMs]) {
      step(by);
      for (let i = 0; i < 3; i++) {
        const name = `${names.length}`;
        names.push(name);
        expect(await soon(append(project, appendInput([name])))).toMatchObject({ outcome: "stored" });
      }
      expect(await append(project, appendInput([names.at(-1) as string]))).toMatchObject({ duplicates: [0] });
    }
    await runAlarm(project);
    await untilFlushed(project);
    const ids = (await streamState(project)).arrived.flatMap((record) =>
      [...decodeFrame(bytesOf(record))].flatMap(({ value }) => (value as { ids?: string[] }).ids ?? []),
    );
    expect(ids.sort()).toEqual(names.sort());
  });

  it("while a region's breaker is open does not prolong the breaker's pause", () => {
    const failover = new Failover(2);
    const nowMs = Date.now();
    for (let i = 0; i < 2; i++) failover.failed(0, nowMs);
    const afterMs = nowMs + byMs;
    // A clock that cannot measure the pause must not prolong it.
    if (byMs < 0 || byMs > 5 * SECOND_MS) expect(failover.choose(afterMs).trial).toBe(0);
    failover.failed(0, afterMs);
    expect(failover.choose(afterMs).trial).toBeNull();
    expect(failover.choose(afterMs + 60_000).trial).toBe(0);
  });

  it("does not prolong a rate limit, a commit gap or a watch of the live tail", () => {
    const limit = new RateBuckets();
    const rate = new EventRate();
    const nowMs = Date.now();
    expect(limit.take({ keyId: "k", eventsPerSecond: 10 }, 10, nowMs)).toBe(0);
    rate.add(100, nowMs);
    const afterMs = nowMs + byMs;
    expect(limit.take({ keyId: "k", eventsPerSecond: 10 }, 1, afterMs)).toBeLessThanOrEqual(1);
    expect(limit.take({ keyId: "k", eventsPerSecond: 10 }, 1, afterMs + 1_000)).toBe(0);
    rate.add(100, afterMs);
    expect(commitGapMs(rate.perSecond(afterMs))).toBeLessThanOrEqual(28);
    const watch = new Watch();
    step(0);
    watch.renew();
    step(byMs);
    if (Math.abs(byMs) > 12_000) expect(watch.isOpen).toBe(false);
  });

  it("memory of ids claims nothing that it forgot", () => {
    const recent = new RecentIds(0, { dedupeMemoryIds: 200, dedupeRunIds: 100 });
    const nowMs = 100 * HOUR_MS;
    const batch = (from: number) => packIds(Array.from({ length: 100 }, (_, i) => `m-${from + i}`));
    recent.add(batch(0), nowMs);
    for (let i = 1; i <= 4; i++) recent.add(batch(100 * i), nowMs + byMs + i);
    // The first ids are evicted from memory. Events accepted at that time must be looked up on disk.
    expect(recent.known(batch(0))).toEqual([]);
    expect(recent.reachMs).toBeGreaterThanOrEqual(nowMs);
  });
});

describe("waits", () => {
  it.each([
    [0, 10, 4, 6],
    [0, 10, 10, 0],
    [0, 10, 1_000_000, 0],
    [1_000_000, 10, 0, 0],
    [Number.NEGATIVE_INFINITY, 10, 0, 0],
  ])("a wait since %d with period %d has, at %d, %d ms left", (sinceMs, periodMs, nowMs, leftMs) => {
    expect(waitLeftMs(sinceMs, periodMs, nowMs)).toBe(leftMs);
  });

  it("a wait that started in the future is over", () => {
    expect(isOver(1_000, 10, 0)).toBe(true);
    expect(isOver(0, 10, 9)).toBe(false);
    expect(isOver(0, 10, 10)).toBe(true);
  });
});
