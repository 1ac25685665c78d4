// Tests that an append answered with "stored" is durable, is sent as the bytes of its row, and outlives the object's memory.
// E2, E3.

import { runInDurableObject } from "cloudflare:test";
import { decodeFrame } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { packAppends } from "../../src/shard/append-call.ts";
import type { BufferShard } from "../../src/shard/shard.ts";
import { newProject } from "../keys.ts";
import { bytesOf, setFaults, streamState } from "../servers/kinesis/stream.ts";
import { restoreShards, shrinkShards } from "./small-shard.ts";
import { append, appendInput, loseMemory, runAlarm, shardOf, storedRows, tablesOfRows, untilFlushed } from "./stub.ts";

const REFUSED = { kind: "status", status: 400, type: "ProvisionedThroughputExceededException" } as const;
const RESET = { kind: "reset" } as const;

afterEach(() => vi.useRealTimers());

/** A project whose stream refuses every record until `open` is called. A refused record has definitely not arrived. */
async function closedProject(name: string): Promise<string> {
  const project = newProject(name);
  await setFaults(project, [{ ...REFUSED, times: 1_000_000 }]);
  return project;
}

async function open(project: string): Promise<void> {
  await setFaults(project, []);
  await runAlarm(project);
  await untilFlushed(project);
}

/** The ids of every line that arrived, in order; marks are counted. */
async function arrivedIds(project: string): Promise<{ ids: string[]; marks: number }> {
  const ids: string[] = [];
  let marks = 0;
  for (const record of (await streamState(project)).arrived) {
    for (const { value } of decodeFrame(bytesOf(record))) {
      const line = value as { ids?: string[]; redelivery?: boolean };
      if (line.redelivery === true) marks++;
      else ids.push(...(line.ids ?? []));
    }
  }
  return { ids, marks };
}

describe("rows", () => {
  it("are durable before the answer, one row per commit", async () => {
    const project = await closedProject("durable");
    expect(await append(project, appendInput(["a", "b"]))).toMatchObject({ outcome: "stored" });
    expect(await append(project, appendInput(["c"]))).toMatchObject({ outcome: "stored" });
    const rows = await storedRows(project);
    expect(rows.map(({ seq }) => seq)).toEqual([1, 2]);
    expect([...decodeFrame(rows[0]?.frame as Uint8Array)].map(({ value }) => value)).toEqual([{ ids: ["a", "b"] }]);
  });

  it("become records byte for byte, in order, each with its own key", async () => {
    const project = await closedProject("bytes");
    for (const [index, name] of ["a", "b", "c"].entries()) {
      await append(project, appendInput([name], { compressed: index === 1 }));
    }
    const rows = await storedRows(project);
    await open(project);
    const { arrived } = await streamState(project);
    expect(arrived.map(bytesOf)).toEqual(rows.map(({ frame }) => frame));
    expect(arrived.map(({ partitionKey }) => partitionKey)).toEqual(
      rows.map(({ boot, seq }) => `${project}:na:0/${boot}.${seq}`),
    );
  });

  it("combine the appends of one call and concurrent appends", async () => {
    const project = await closedProject("group");
    const inputs = Array.from({ length: 50 }, (_, i) => appendInput([`a-${i}`], { compressed: i % 2 === 0 }));
    expect(await shardOf(project).append2(packAppends(inputs))).toMatchObject(
      inputs.map(() => ({ outcome: "stored" })),
    );
    expect(await storedRows(project)).toHaveLength(1);
    await Promise.all(Array.from({ length: 50 }, (_, i) => append(project, appendInput([`b-${i}`]))));
    expect((await storedRows(project)).length).toBeLessThan(26);
    await open(project);
    expect(new Set((await arrivedIds(project)).ids).size).toBe(100);
  });
});

describe("after a loss of memory", () => {
  it("before the flush, every row is sent with a mark, because it may have been sent before", async () => {
    const project = await closedProject("evicted");
    await append(project, appendInput(["a"]));
    await append(project, appendInput(["b"]));
    const rows = await storedRows(project);
    await loseMemory();
    await open(project);
    const { arrived } = await streamState(project);
    for (const [index, record] of arrived.entries()) {
      const frame = rows[index]?.frame as Uint8Array;
      expect(bytesOf(record).slice(0, frame.byteLength)).toEqual(frame);
    }
    expect(await arrivedIds(project)).toEqual({ ids: ["a", "b"], marks: 2 });
  });

  it("between arrival and deletion, the second copy has a mark and the key of the first copy", async () => {
    const project = newProject("between");
    await setFaults(project, [{ kind: "commit_then_reset" }, { ...REFUSED, times: 1_000_000 }]);
    await append(project, appendInput(["a"]));
    await vi.waitFor(async () => expect((await streamState(project)).arrived).toHaveLength(1), { timeout: 5_000 });
    await loseMemory();
    await open(project);
    const { arrived } = await streamState(project);
    expect(arrived).toHaveLength(2);
    expect(new Set(arrived.map(({ partitionKey }) => partitionKey)).size).toBe(1);
    expect(await arrivedIds(project)).toEqual({ ids: ["a", "a"], marks: 1 });
  });

  it("rows of the restarted object have new keys, even if their numbers restart", async () => {
    const project = newProject("lives");
    for (const name of ["a", "b", "c"]) {
      await append(project, appendInput([name]));
      await untilFlushed(project);
      await loseMemory();
    }
    const { arrived } = await streamState(project);
    expect(new Set(arrived.map(({ partitionKey }) => partitionKey)).size).toBe(3);
  });

  it("a row that was only refused has no mark", async () => {
    const project = newProject("unmarked");
    await setFaults(project, [REFUSED, REFUSED]);
    await append(project, appendInput(["a"]));
    await untilFlushed(project);
    expect(await arrivedIds(project)).toEqual({ ids: ["a"], marks: 0 });
  });
});

describe("alarms", () => {
  it("are set as soon as a row is stored, before the stream is called", async () => {
    const project = await closedProject("armed");
    await append(project, appendInput(["a"]));
    const atMs = await runInDurableObject(shardOf(project), (_shard, { storage }) => storage.getAlarm());
    expect(atMs).toBeGreaterThan(Date.now());
    expect(atMs).toBeLessThan(Date.now() + 70_000);
  });

  it("deliver without timers, and are set again while rows are left", async () => {
    const project = await closedProject("alarm");
    await append(project, appendInput(["a"]));
    for (let i = 0; i < 3; i++) {
      await loseMemory();
      expect(await runAlarm(project)).toBe(true);
      const atMs = await runInDurableObject(shardOf(project), (_shard, { storage }) => storage.getAlarm());
      expect(atMs).toBeGreaterThan(Date.now());
    }
    await open(project);
    expect((await arrivedIds(project)).ids).toEqual(["a"]);
  });

  it("send each row once when three alarms run at the same time", async () => {
    const project = await closedProject("twice");
    await append(project, appendInput(["a"]));
    await setFaults(project, []);
    await runInDurableObject(shardOf(project), (shard: BufferShard) =>
      Promise.all([shard.alarm(), shard.alarm(), shard.alarm()]),
    );
    await untilFlushed(project);
    expect(await arrivedIds(project)).toMatchObject({ ids: ["a"] });
  });

  it("never throw when the stream fails", async () => {
    const project = newProject("throws");
    await setFaults(project, [RESET, { ...RESET, times: 20 }]);
    await append(project, appendInput(["a"]));
    for (let i = 0; i < 10; i++) {
      await runInDurableObject(shardOf(project), (shard: BufferShard) => shard.alarm());
    }
    await open(project);
    expect(new Set((await arrivedIds(project)).ids)).toEqual(new Set(["a"]));
  });

  it("are not set again when no rows are left", async () => {
    const project = newProject("idle");
    await append(project, appendInput(["a"]));
    await untilFlushed(project);
    // The minute's counts are sent when the minute is over. After that, no rows are left.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * 60_000 });
    await runAlarm(project);
    await untilFlushed(project);
    // Sent rows are kept for at most an hour, because of their ids.
    vi.setSystemTime(Date.now() + 61 * 60_000);
    await runAlarm(project);
    await runAlarm(project);
    expect(await runInDurableObject(shardOf(project), (_shard, { storage }) => storage.getAlarm())).toBeNull();
    const tables = await runInDurableObject(shardOf(project), (_shard, { storage }) => tablesOfRows(storage.sql));
    expect(tables).toEqual([]);
    await loseMemory();
    expect(await append(project, appendInput(["a"], { oldestMs: 0 }))).toMatchObject({ outcome: "again" });
  });
});

describe("an outage of a day", () => {
  it("ends with every event delivered once, without further traffic", async () => {
    const project = newProject("outage");
    await setFaults(project, [{ ...RESET, times: 1_000_000 }]);
    const names = Array.from({ length: 20 }, (_, i) => `m-${i}`);
    for (const name of names) await append(project, appendInput([name]));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    for (let minute = 0; minute < 24 * 60; minute += 12) {
      vi.setSystemTime(Date.now() + 12 * 60_000);
      if (minute % 240 === 0) await loseMemory();
      expect(await runAlarm(project)).toBe(true);
    }
    expect((await streamState(project)).arrived).toEqual([]);
    await open(project);
    const { ids } = await arrivedIds(project);
    expect(ids.sort()).toEqual(names.sort());
  });
});

describe("full", () => {
  afterEach(restoreShards);

  it("storage_full above the high-water mark, until it has drained below the low one", async () => {
    shrinkShards({ shardHighWaterBytes: 2_000, shardLowWaterBytes: 500 });
    const project = await closedProject("full");
    let stored = 0;
    while ((await append(project, appendInput([`m-${stored}`]))).outcome === "stored") stored++;
    expect(stored).toBeGreaterThan(10);
    const refused = { outcome: "refused", code: "storage_full" };
    expect(await append(project, appendInput(["later"]))).toEqual(refused);
    // A level below the high-water mark is not enough.
    await setFaults(project, [
      { kind: "mask", stored: [true, true, true, false, false], error: "x" },
      { ...REFUSED, times: 1_000_000 },
    ]);
    await vi.waitFor(
      async () => {
        await runAlarm(project);
        expect((await storedRows(project)).length).toBeLessThan(stored);
      },
      { timeout: 10_000, interval: 20 },
    );
    expect(await append(project, appendInput(["later"]))).toEqual(refused);
    await open(project);
    expect(await append(project, appendInput(["later"]))).toMatchObject({ outcome: "stored" });
    await untilFlushed(project);
    expect(new Set((await arrivedIds(project)).ids).size).toBe(stored + 1);
  });

  it("overloaded when too much waits for its commit; nothing of it is stored", async () => {
    shrinkShards({ shardPendingBytes: 1_000 });
    const project = newProject("pending");
    const inputs = Array.from({ length: 100 }, (_, i) => appendInput([`m-${i}`]));
    const answers = await shardOf(project).append2(packAppends(inputs));
    const stored = answers.filter(({ outcome }) => outcome === "stored").length;
    expect(answers.filter((answer) => answer.outcome === "refused" && answer.code === "overloaded")).toHaveLength(
      100 - stored,
    );
    expect(stored).toBeGreaterThan(5);
    expect(stored).toBeLessThan(100);
    await untilFlushed(project);
    expect((await arrivedIds(project)).ids).toHaveLength(stored);
    const again = await append(project, appendInput(["m-99"]));
    expect(again).toMatchObject({ outcome: "stored" });
  });
});
