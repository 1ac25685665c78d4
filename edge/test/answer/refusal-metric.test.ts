// Tests the metric of I8. Refusals because of overload are counted, in few log lines and in the format that the alarms read.

import { INVARIANT_METRICS } from "@behaviour/contract";
import { afterEach, beforeEach, expect, it, type MockInstance, vi } from "vitest";
import { countRefused, METRIC, writeRefused } from "../../src/answer/refusal-metric.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";

const MINUTE_MS = 60_000;
/** Each test has its own minute in the future, so that the Worker's own counts are not written in between. */
let nowMs = Date.UTC(2040, 0, 1);
let logged: MockInstance<typeof console.log>;

beforeEach(() => {
  nowMs += 10 * MINUTE_MS;
  logged = vi.spyOn(console, "log").mockImplementation(() => {});
});
afterEach(() => void vi.restoreAllMocks());

const lines = () => logged.mock.calls.map(([text]) => JSON.parse(String(text)) as Record<string, unknown>);

it("has the name that the alarms look for", () => {
  expect(INVARIANT_METRICS.I8).toMatchObject({ metric: METRIC, service: "edge" });
});

it("writes the first refusal immediately, and further ones of a minute as one line", () => {
  countRefused("overloaded", nowMs);
  for (let i = 0; i < 1_000; i++) countRefused(i % 4 === 0 ? "storage_full" : "rate_limited", nowMs + 1);
  expect(lines()).toMatchObject([{ service: "edge", [METRIC]: 1, codes: { overloaded: 1 } }]);
  writeRefused(nowMs + MINUTE_MS - 1);
  expect(lines()).toHaveLength(1);
  writeRefused(nowMs + MINUTE_MS);
  writeRefused(nowMs + 3 * MINUTE_MS);
  expect(lines().slice(1)).toMatchObject([{ [METRIC]: 1_000, codes: { storage_full: 250, rate_limited: 750 } }]);
});

it("is in CloudWatch's embedded metric format", () => {
  countRefused("overloaded", nowMs);
  expect(lines()[0]?._aws).toEqual({
    Timestamp: nowMs,
    CloudWatchMetrics: [
      { Namespace: "behaviour", Dimensions: [["service"]], Metrics: [{ Name: METRIC, Unit: "Count" }] },
    ],
  });
});

it("does not count requests that are refused for another reason", () => {
  for (const code of ["invalid_api_key", "invalid_json", "unavailable", "payload_too_large"] as const) {
    countRefused(code, nowMs);
  }
  writeRefused(nowMs + MINUTE_MS);
  expect(lines()).toEqual([]);
});

it("counts a request above its key's rate", async () => {
  const key = await newKey({ project: newProject("refused"), rateLimit: 1 });
  const batch = [goodEvent(), goodEvent(), goodEvent()];
  expect((await send("/v1/batch", { headers: bearer(key), body: { batch } })).status).toBe(200);
  expect((await send("/v1/track", { headers: bearer(key), body: goodEvent() })).status).toBe(429);
  writeRefused(nowMs);
  expect(lines()).toMatchObject([{ [METRIC]: 1, codes: { rate_limited: 1 } }]);
});
