// Tests what a shard enforces for keys: the exact rate of each key, and revocation, even if an isolate still caches the key.
// docs/API_DOCUMENTATION.md#keys.

import { env } from "cloudflare:workers";
import { hashKey, keyRecordName } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { RateBuckets } from "../../src/rate-bucket.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { expectAnswer } from "../collect/table.ts";
import { keyRecord, newKey, newProject } from "../keys.ts";
import { append, appendInput, loseMemory, shardOf } from "./stub.ts";

afterEach(() => vi.useRealTimers());

describe("rate limit", () => {
  const claim = { keyId: "k", eventsPerSecond: 100 };

  it("allows a second's worth immediately, then as much as is refilled", () => {
    const limit = new RateBuckets();
    expect(limit.take(claim, 100, 0)).toBe(0);
    expect(limit.take(claim, 1, 0)).toBe(1);
    expect(limit.take(claim, 1, 500)).toBe(0);
    expect(limit.take(claim, 49, 500)).toBe(0);
    expect(limit.take(claim, 1, 500)).toBe(1);
    expect(limit.take(claim, 100, 10_000)).toBe(0);
    expect(limit.take(claim, 1, 10_000)).toBe(1);
  });

  it("accepts a large batch as a whole and charges it afterwards", () => {
    const limit = new RateBuckets();
    expect(limit.take(claim, 2_500, 0)).toBe(0);
    expect(limit.take(claim, 1, 0)).toBe(25);
    expect(limit.take(claim, 1, 23_000)).toBe(2);
    expect(limit.take(claim, 1, 24_100)).toBe(0);
  });

  it("allows the configured rate in the long run, for any size of steps", () => {
    const limit = new RateBuckets();
    let taken = 0;
    for (let ms = 0; ms < 60_000; ms += 7) if (limit.take(claim, 3, ms) === 0) taken += 3;
    expect(taken).toBeGreaterThan(5_900);
    expect(taken).toBeLessThan(6_200);
  });

  it("applies to each key separately", () => {
    const limit = new RateBuckets();
    expect(limit.take(claim, 100, 0)).toBe(0);
    expect(limit.take({ ...claim, keyId: "other" }, 100, 0)).toBe(0);
    expect(limit.take(claim, 1, 0)).toBe(1);
  });

  it("recovers soon after the clock is set back", () => {
    const limit = new RateBuckets();
    expect(limit.take(claim, 50, 1_000)).toBe(0);
    expect(limit.take(claim, 10, 0)).toBeGreaterThanOrEqual(0);
    expect(limit.take(claim, 10, 3_000)).toBe(0);
  });

  it("answers 429 with Retry-After, and stores nothing of the request", async () => {
    const project = newProject("rate");
    const key = await newKey({ project, rateLimit: 5 });
    const batch = (count: number) => ({ batch: Array.from({ length: count }, () => goodEvent()) });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    expect((await send("/v1/batch", { headers: bearer(key), body: batch(10) })).body.accepted).toBe(10);
    const refused = batch(1);
    const answer = await send("/v1/batch", { headers: bearer(key), body: refused });
    expectAnswer(answer, { status: 429, code: "rate_limited" });
    expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThanOrEqual(1);
    vi.setSystemTime(Date.now() + 3_000);
    const again = await send("/v1/batch", { headers: bearer(key), body: refused });
    expect(again.body).toMatchObject({ accepted: 1, duplicates: 0 });
  });

  it("applies to requests with only invalid events, which no shard sees", async () => {
    const key = await newKey({ project: newProject("invalid"), rateLimit: 5 });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const sendInvalid = () => send("/v1/track", { headers: bearer(key), body: { event: "nobody did it" } });
    for (let i = 0; i < 5; i++) expectAnswer(await sendInvalid(), { status: 400, code: "all_events_rejected" });
    expectAnswer(await sendInvalid(), { status: 429, code: "rate_limited" });
    vi.setSystemTime(Date.now() + 1_000);
    expectAnswer(await sendInvalid(), { status: 400, code: "all_events_rejected" });
  });

  it("counts duplicates and dropped events, because they cost work too", async () => {
    const settings = { consentRegime: "opt-in" } as const;
    const [copies, dropped] = await Promise.all([
      newKey({ project: newProject("copies"), rateLimit: 5 }),
      newKey({ project: newProject("drops"), rateLimit: 5, settings }),
    ]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const event = goodEvent();
    const sendOne = (key: string) => send("/v1/track", { headers: bearer(key), body: event });
    for (let i = 0; i < 5; i++) {
      expect((await sendOne(copies)).body).toMatchObject(i === 0 ? { accepted: 1 } : { duplicates: 1 });
      expect((await sendOne(dropped)).body).toMatchObject({ suppressed: 1 });
    }
    expectAnswer(await sendOne(copies), { status: 429, code: "rate_limited" });
    expectAnswer(await sendOne(dropped), { status: 429, code: "rate_limited" });
    // A client that waits for `Retry-After` then learns the event's outcome.
    vi.setSystemTime(Date.now() + 1_000);
    expect((await sendOne(copies)).body).toMatchObject({ duplicates: 1 });
  });
});

describe("a revoked key", () => {
  const internal = { Authorization: `Bearer ${env.INTERNAL_SECRET}` };

  it("is refused by a notified shard, also after the shard lost its memory", async () => {
    const project = newProject("told");
    expect(await append(project, appendInput(["a"], { keyId: "k-1" }))).toMatchObject({ outcome: "stored" });
    await shardOf(project).revokeKeys(["k-1"]);
    for (const lost of [false, true]) {
      if (lost) await loseMemory();
      const answer = await append(project, appendInput([`b-${lost}`], { keyId: "k-1" }));
      expect(answer).toMatchObject({ outcome: "refused", code: "invalid_api_key" });
      expect(await append(project, appendInput([`c-${lost}`], { keyId: "k-2" }))).toMatchObject({ outcome: "stored" });
    }
  });

  it("is refused as soon as the control plane pushes the revocation, even if the isolate caches the key", async () => {
    const project = newProject("pushed");
    const record = keyRecord({ project });
    const key = await newKey(record);
    const sendOne = () => send("/v1/track", { headers: bearer(key), body: goodEvent() });
    expect((await sendOne()).status).toBe(200);
    const push = (revokedAt: number) =>
      send("/internal/keys", {
        headers: internal,
        body: { records: [{ name: keyRecordName(hashKey(key)), value: { ...record, revokedAt } }] },
      });
    // A key that is revoked at a later time is still valid.
    expect((await push(Date.now() + 60_000)).status).toBe(200);
    expect((await sendOne()).status).toBe(200);
    expect((await push(Date.now())).status).toBe(200);
    expectAnswer(await sendOne(), { status: 401, code: "invalid_api_key" });
  });
});
