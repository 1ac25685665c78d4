/** Tests what reaches the collector, and when, over a real socket: batches, retries, refusals, and that no event is lost. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Analytics, type AnalyticsError, type AnalyticsOptions } from "../src/index.ts";
import { Collector, failure } from "./collector.ts";
import { MemoryStorage } from "./memory-storage.ts";

const WRITE_KEY = "pk_test_sdk";
const NEVER_MS = 3_600_000;

let collector: Collector;
let errors: AnalyticsError[];
let delivered: string[];
let open: Analytics[];

beforeEach(async () => {
  collector = await Collector.start();
  errors = [];
  delivered = [];
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((analytics) => analytics.close(0)));
  await collector.stop();
});

function start(options: Partial<AnalyticsOptions> = {}): Analytics {
  // An answer that is still in progress when a test ends belongs to that test's lists.
  const [ownErrors, ownDelivered] = [errors, delivered];
  const analytics = new Analytics(WRITE_KEY, {
    host: collector.host,
    onError: (error) => ownErrors.push(error),
    onDelivered: (messageIds) => ownDelivered.push(...messageIds),
    ...options,
  });
  open.push(analytics);
  return analytics;
}

describe("batching", () => {
  test("twenty events start one request, as text/plain with the key in the body", async () => {
    const analytics = start({ flushIntervalMs: NEVER_MS });
    const sent = Array.from({ length: 20 }, (_, index) => analytics.track(`Event ${index}`));
    await collector.until(() => collector.events.length === 20);
    expect(collector.requests).toHaveLength(1);
    const [request] = collector.requests;
    expect(request?.path).toBe("/v1/batch");
    expect(request?.headers["content-type"]).toBe("text/plain;charset=UTF-8");
    expect(request?.headers["x-retry-count"]).toBeUndefined();
    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.body.writeKey).toBe(WRITE_KEY);
    expect(Number.isNaN(Date.parse(request?.body.sentAt ?? ""))).toBe(false);
    expect(request?.body.batch.map((event) => event.messageId)).toEqual(sent);
  });

  test("fewer wait for the interval and go together", async () => {
    const analytics = start({ flushIntervalMs: 30 });
    analytics.track("One");
    analytics.track("Two");
    await collector.until(() => collector.events.length === 2);
    expect(collector.requests).toHaveLength(1);
  });

  test("a request holds at most 500 KiB, whatever script its events are written in", async () => {
    const analytics = start({ flushIntervalMs: NEVER_MS, flushAtEvents: 1_000 });
    const text = "漢".repeat(8_000); // 24,000 bytes in 8,000 characters
    const sent = Array.from({ length: 60 }, () => analytics.track("Large", { text }));
    expect(await analytics.flush()).toBe(true);
    expect(collector.requests.length).toBeGreaterThan(2);
    for (const { bodyBytes } of collector.requests) expect(bodyBytes).toBeLessThanOrEqual(500 * 1_024);
    expect(collector.events.map((event) => event.messageId)).toEqual(sent);
  });

  test("events made while a request is under way go with the next one", async () => {
    let answerFirst = (): void => {};
    const held = new Promise<void>((resolve) => {
      answerFirst = resolve;
    });
    collector.answers.push({ status: 200, after: held });
    const analytics = start({ flushIntervalMs: 10 });
    analytics.track("First");
    await collector.until(() => collector.requests.length === 1);
    analytics.track("Second");
    analytics.track("Third");
    answerFirst();
    await collector.until(() => collector.events.length === 3);
    expect(collector.requests.map((request) => request.body.batch.length)).toEqual([1, 2]);
  });
});

describe("faults", () => {
  test.each([
    ["503", failure(503, "overloaded")],
    ["500 without a body", { status: 500, body: "oops" }],
    ["a broken connection", "disconnect"],
    ["a login page that answers 200", { status: 200, body: "<html>" }],
  ] as const)("%s: sent again with X-Retry-Count, nothing reported", async (_name, answer) => {
    collector.answers.push(answer, answer);
    const analytics = start({ flushIntervalMs: 1 });
    const messageId = analytics.track("Kept");
    await collector.until(() => collector.requests.length === 3);
    expect(await analytics.flush()).toBe(true);
    expect(collector.requests.map((request) => request.headers["x-retry-count"])).toEqual([undefined, "1", "2"]);
    expect(new Set(collector.events.map((event) => event.messageId))).toEqual(new Set([messageId]));
    expect(delivered).toEqual([messageId]);
    expect(errors).toEqual([]);
  });

  test("429: not sent again before Retry-After, flush included", async () => {
    collector.answers.push(failure(429, "rate_limited", { "retry-after": "1" }));
    const analytics = start({ flushIntervalMs: 1 });
    analytics.track("Patient");
    await collector.until(() => collector.requests.length === 1);
    const refusedAtMs = Date.now();
    expect(await analytics.flush(5_000)).toBe(true);
    // A timer may fire a millisecond early by the wall clock.
    expect(Date.now() - refusedAtMs).toBeGreaterThanOrEqual(990);
    expect(collector.requests).toHaveLength(2);
  });

  test("401: dropped and reported once, later events are tried", async () => {
    collector.answers.push(failure(401, "invalid_api_key"));
    const analytics = start({ flushIntervalMs: 1 });
    const lost = analytics.track("Lost");
    await collector.until(() => collector.requests.length === 1);
    expect(await analytics.flush()).toBe(true);
    expect(errors).toEqual([
      { code: "batch_refused", status: 401, messageIds: [lost], message: expect.stringContaining("invalid_api_key") },
    ]);
    const kept = analytics.track("Kept");
    expect(await analytics.flush()).toBe(true);
    expect(delivered).toEqual([kept]);
  });

  test("an event refused within an accepted batch is reported by itself", async () => {
    const rejected = [{ index: 1, code: "invalid_event_name", message: "too long" }];
    collector.answers.push({ status: 200, body: { success: true, accepted: 1, rejected } });
    const analytics = start({ flushIntervalMs: NEVER_MS });
    const good = analytics.track("Good");
    const bad = analytics.track("Bad");
    expect(await analytics.flush()).toBe(true);
    expect(delivered).toEqual([good]);
    expect(errors).toEqual([{ code: "event_rejected", message: "invalid_event_name: too long", messageIds: [bad] }]);
  });

  test("flush gives up waiting, not the events", async () => {
    for (let count = 0; count < 50; count++) collector.answers.push(failure(503, "overloaded", { "retry-after": "1" }));
    const storage = new MemoryStorage();
    const analytics = start({ flushIntervalMs: 1, storage });
    analytics.track("Waiting");
    expect(await analytics.flush(50)).toBe(false);
    expect(storage.queued).toHaveLength(1);
    collector.answers.length = 0;
    expect(await analytics.flush(10_000)).toBe(true);
    expect(storage.queued).toHaveLength(0);
  });

  test("nothing is lost or left over when one answer in two is a fault", async () => {
    const analytics = start({ flushIntervalMs: 1, flushAtEvents: 10 });
    const sent: string[] = [];
    for (let round = 0; round < 3; round++) {
      collector.answers.push(failure(503, "unavailable"), "disconnect");
      for (let count = 0; count < 25; count++) sent.push(analytics.track("Load", { round, count }));
      expect(await analytics.flush()).toBe(true);
    }
    expect(new Set(delivered)).toEqual(new Set(sent));
    expect(delivered).toHaveLength(75);
    expect(errors).toEqual([]);
  });
});

describe("the queue's bounds", () => {
  test("beyond its limit the oldest events make room and are reported", async () => {
    const analytics = start({ flushIntervalMs: NEVER_MS, flushAtEvents: 1_000, maxQueueEvents: 3 });
    const sent = Array.from({ length: 5 }, (_, index) => analytics.track(`Event ${index}`));
    expect(errors.map((error) => [error.code, ...error.messageIds])).toEqual([
      ["queue_full", sent[0]],
      ["queue_full", sent[1]],
    ]);
    expect(await analytics.flush()).toBe(true);
    expect(collector.events.map((event) => event.messageId)).toEqual(sent.slice(2));
  });

  test("an event too large or not JSON is reported and never thrown", async () => {
    const analytics = start({ flushIntervalMs: NEVER_MS });
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    analytics.track("Cycle", cycle);
    analytics.track("BigInt", { amount: 1n });
    analytics.track("Date", {}, { timestamp: new Date(Number.NaN) });
    analytics.track("Large", { text: "x".repeat(33_000) });
    expect(errors.map((error) => error.code)).toEqual([
      "event_not_json",
      "event_not_json",
      "event_not_json",
      "event_too_large",
    ]);
    expect(await analytics.flush()).toBe(true);
    expect(collector.requests).toHaveLength(0);
  });

  test("a callback that throws stops nothing", async () => {
    const analytics = start({
      flushIntervalMs: NEVER_MS,
      onDelivered: () => {
        throw new Error("from the test");
      },
    });
    analytics.track("One");
    expect(await analytics.flush()).toBe(true);
    analytics.track("Two");
    expect(await analytics.flush()).toBe(true);
    expect(collector.events).toHaveLength(2);
  });
});
