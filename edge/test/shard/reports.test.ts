// Tests the counts of events that no shard saw. They are collected in the isolate and reported once a second, each count once.
// I9.

import { expect, it, vi } from "vitest";
import type { WorkerReport } from "../../src/shard/append.ts";
import { goodEvent } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { type Spied, spiedEnv } from "./spied-env.ts";

function reportsOf({ calls }: Spied): WorkerReport[] {
  return calls.flatMap((call) => (call.method === "report" ? [call.report] : []));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const rejectedIn = (reports: readonly WorkerReport[]) => sum(reports.map(({ rejected }) => rejected));
const droppedIn = (reports: readonly WorkerReport[]) =>
  sum(reports.flatMap(({ drops }) => drops.map(({ events }) => events)));

const REQUESTS = 160;

it("160 dropped events of an opt-in project are counted with a few calls to one of its sixteen shards", async () => {
  const key = await newKey({ project: newProject("dropped"), shards: 16, settings: { consentRegime: "opt-in" } });
  const spied = spiedEnv();
  for (let i = 0; i < REQUESTS; i++) {
    const { body } = await spied.send(key, "/v1/track", goodEvent({ anonymousId: `device-${i}` }));
    expect(body.suppressed).toBe(1);
  }
  await vi.waitFor(() => expect(droppedIn(reportsOf(spied))).toBe(REQUESTS), { timeout: 10_000 });
  const told = spied.calls.filter(({ method }) => method === "report");
  expect(told.length).toBeLessThan(REQUESTS / 10);
  expect(new Set(told.map(({ shard }) => shard)).size).toBe(1);
  for (const { drops } of reportsOf(spied)) expect(drops.length).toBe(1);
});

it("many invalid events are reported with a few calls", async () => {
  const key = await newKey({ project: newProject("rejected") });
  const spied = spiedEnv();
  await Promise.all(Array.from({ length: REQUESTS }, () => spied.send(key, "/v1/track", { event: "Nobody's" })));
  await vi.waitFor(() => expect(rejectedIn(reportsOf(spied))).toBe(REQUESTS), { timeout: 10_000 });
  expect(reportsOf(spied).length).toBeLessThan(REQUESTS / 10);
});

it("rejected, repeated and dropped events of a mixed batch are reported separately", async () => {
  const key = await newKey({ project: newProject("mixed"), settings: { consentRegime: "opt-out" } });
  const spied = spiedEnv();
  const twice = goodEvent();
  const denied = goodEvent({ context: { consent: { categoryPreferences: { analytics: false } } } });
  const { body } = await spied.send(key, "/v1/batch", { batch: [twice, twice, denied, { event: "Nobody's" }] });
  expect(body).toMatchObject({ accepted: 1, duplicates: 1, suppressed: 1, rejected: [{ index: 3 }] });
  await vi.waitFor(() => expect(reportsOf(spied)).toHaveLength(1));
  expect(reportsOf(spied)).toMatchObject([{ rejected: 1, repeated: 1, drops: [{ events: 1 }] }]);
});

it("a lost report is not repeated, and later counts are reported", async () => {
  const key = await newKey({ project: newProject("lost") });
  let fails = true;
  const spied = spiedEnv(() => fails);
  await spied.send(key, "/v1/track", { event: "Nobody's" });
  await vi.waitFor(() => expect(reportsOf(spied)).toHaveLength(1));
  fails = false;
  await spied.send(key, "/v1/track", { event: "Nobody's" });
  await vi.waitFor(() => expect(reportsOf(spied)).toHaveLength(2), { timeout: 10_000 });
  expect(reportsOf(spied).map(({ rejected }) => rejected)).toEqual([1, 1]);
});

it("reports are grouped by the minute of receipt, like the counts of the shards", async () => {
  const key = await newKey({ project: newProject("minutes") });
  const spied = spiedEnv();
  const minute = 60_000;
  const startMs = Math.floor(Date.now() / minute) * minute + 59_500;
  vi.useFakeTimers({ toFake: ["Date"], now: startMs });
  try {
    await spied.send(key, "/v1/track", { event: "Nobody's" });
    await vi.waitFor(() => expect(reportsOf(spied)).toHaveLength(1));
    await spied.send(key, "/v1/track", { event: "Nobody's" });
    vi.setSystemTime(startMs + 1_000);
    await spied.send(key, "/v1/track", { event: "Nobody's" });
    await vi.waitFor(() => expect(rejectedIn(reportsOf(spied))).toBe(3), { timeout: 10_000 });
  } finally {
    vi.useRealTimers();
  }
  expect(reportsOf(spied).map(({ receivedAtMs }) => receivedAtMs)).toEqual([
    startMs - 59_500,
    startMs - 59_500,
    startMs + 500,
  ]);
});
