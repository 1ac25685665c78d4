// Tests that a rate limit applies to the whole key, for any number of shards and any distribution of its events over them.
// docs/security/EDGE_AUDIT.md, finding 27, ADR 016.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AskLimiter, RateLimit } from "../../src/shard/rate-limit.ts";
import { LeaseBucket } from "../../src/shard/rate-limiter.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";

const STEP_MS = 10;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Simulated {
  accepted: number;
  limiterCalls: number;
}

/** Simulates shards that share a limiter. Each of the `busy` shards receives `offeredPerShard` events a second, evenly spaced. */
async function simulate(options: {
  limit: number;
  shards: number;
  busy: number;
  offeredPerShard: number;
  seconds: number;
  limiter?: AskLimiter;
}): Promise<Simulated> {
  const { limit, shards, busy, offeredPerShard, seconds } = options;
  const bucket = new LeaseBucket();
  let limiterCalls = 0;
  const ask: AskLimiter = async (keyId, request) => {
    limiterCalls++;
    return options.limiter?.(keyId, request) ?? bucket.lease(request, Date.now());
  };
  const claim = { keyId: "key", eventsPerSecond: limit, shards };
  const all = Array.from({ length: busy }, () => ({ limit: new RateLimit(ask), due: 0 }));
  let accepted = 0;
  for (let atMs = 0; atMs < seconds * 1_000; atMs += STEP_MS) {
    vi.setSystemTime(Date.now() + STEP_MS);
    for (const shard of all) {
      for (shard.due += (offeredPerShard * STEP_MS) / 1_000; shard.due >= 1; shard.due--) {
        await shard.limit.ready(claim, 1, Date.now());
        if (shard.limit.refusedForSeconds(claim, Date.now()) > 0) continue;
        shard.limit.charge(claim, 1, Date.now());
        accepted++;
      }
    }
  }
  return { accepted, limiterCalls };
}

describe("several shards", () => {
  it("give one subject the whole limit, although all its events go to one of sixteen shards", async () => {
    const { accepted, limiterCalls } = await simulate({
      limit: 16,
      shards: 16,
      busy: 1,
      offeredPerShard: 40,
      seconds: 20,
    });
    expect(accepted).toBeGreaterThan(16 * 20 * 0.9);
    expect(accepted).toBeLessThan(16 * 20 * 1.1 + 2 * 16);
    expect(limiterCalls / 20).toBeLessThan(8);
  });

  it.each([
    { limit: 16, shards: 16, offeredPerShard: 16 },
    { limit: 100, shards: 256, offeredPerShard: 4 },
    { limit: 1_000, shards: 16, offeredPerShard: 500 },
  ])("share $limit/s among $shards shards under overload", async ({ limit, shards, offeredPerShard }) => {
    const seconds = 10;
    const { accepted, limiterCalls } = await simulate({ limit, shards, busy: shards, offeredPerShard, seconds });
    expect(accepted).toBeGreaterThan(limit * seconds * 0.8);
    // A tenth belongs to the shards themselves. A second's worth may come in a burst, and each shard starts with its share.
    expect(accepted).toBeLessThan(limit * seconds * 1.15 + 2 * limit + shards);
    expect(limiterCalls / seconds / shards).toBeLessThan(6);
  });

  it("do not call the limiter for a key far below its limit", async () => {
    const quiet = { limit: 100_000, shards: 64, busy: 64, offeredPerShard: 100, seconds: 3 };
    expect(await simulate(quiet)).toEqual({ accepted: 64 * 100 * 3, limiterCalls: 0 });
  });

  it("keep their shares while the limiter can't be reached, and call it again later", async () => {
    let fails = true;
    const bucket = new LeaseBucket();
    const limiter: AskLimiter = async (_, request) => {
      if (fails) throw new Error("unreachable");
      return bucket.lease(request, Date.now());
    };
    const one = { limit: 160, shards: 16, busy: 1, offeredPerShard: 200, limiter };
    const { accepted, limiterCalls } = await simulate({ ...one, seconds: 10 });
    expect(accepted).toBeGreaterThanOrEqual(10 * 10);
    expect(accepted).toBeLessThan(10 * 10 * 1.5);
    expect(limiterCalls).toBeLessThan(20);
    fails = false;
    expect((await simulate({ ...one, seconds: 10 })).accepted).toBeGreaterThan(160 * 10 * 0.8);
  });

  it("accept a batch larger than the remaining limit, and charge it to the key, not to one shard", async () => {
    const bucket = new LeaseBucket();
    const ask: AskLimiter = async (_, request) => bucket.lease(request, Date.now());
    const claim = { keyId: "key", eventsPerSecond: 100, shards: 4 };
    const [first, second] = [new RateLimit(ask), new RateLimit(ask)];
    const take = async (limit: RateLimit, events: number) => {
      await limit.ready(claim, events, Date.now());
      if (limit.refusedForSeconds(claim, Date.now()) > 0) return false;
      limit.charge(claim, events, Date.now());
      return true;
    };
    expect(await take(first, 2_500)).toBe(true);
    // The second shard has its own share and then nothing, because the limiter knows of the batch.
    expect(await take(second, 25)).toBe(true);
    expect(await take(second, 1)).toBe(false);
    vi.setSystemTime(Date.now() + 5_000);
    expect(await take(second, 25)).toBe(true);
    expect(await take(second, 25)).toBe(false);
    vi.setSystemTime(Date.now() + 25_000);
    expect(await take(second, 25)).toBe(true);
    expect(await take(second, 25)).toBe(true);
  });
});

it("through the public API one subject gets all 16 events a second of a key with 16 shards", async () => {
  const key = await newKey({ project: newProject("one-subject"), shards: 16, rateLimit: 16 });
  const statuses = [];
  for (let i = 0; i < 24; i++) {
    const body = goodEvent({ anonymousId: "the-only-one" });
    statuses.push((await send("/v1/track", { headers: bearer(key), body })).status);
  }
  expect(statuses.slice(0, 16)).toEqual(Array(16).fill(200));
  expect(statuses.at(-1)).toBe(429);
});

it("through the public API sixteen shards do not multiply the limit by sixteen", async () => {
  const key = await newKey({ project: newProject("subjects"), shards: 16, rateLimit: 16 });
  let accepted = 0;
  for (let i = 0; i < 200; i++) {
    const { status } = await send("/v1/track", {
      headers: bearer(key),
      body: goodEvent({ anonymousId: `device-${i}` }),
    });
    if (status === 200) accepted++;
    else expect(status).toBe(429);
  }
  expect(accepted).toBeGreaterThanOrEqual(16);
  expect(accepted).toBeLessThanOrEqual(3 * 16);
});
