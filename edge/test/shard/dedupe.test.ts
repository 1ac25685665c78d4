// The same message again: in the same commit, in the next, after the flush, after the object lost its memory, after memory has
// turned over, a day later. Known by the id alone. DESIGN E5.

import { runInDurableObject } from "cloudflare:test";
import { LIMITS } from "@behaviour/contract";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { packAppends } from "../../src/shard/append-call.ts";
import type { BufferShard } from "../../src/shard/shard.ts";
import { newProject } from "../keys.ts";
import { setFaults, streamState } from "../kinesis/stream.ts";
import { append, appendInput, loseMemory, runAlarm, shardOf, storedRows, untilFlushed } from "./stub.ts";

const STORED = { outcome: "stored" };
const duplicates = (...indices: number[]) => ({
  outcome: "again",
  duplicates: indices,
  changes: [],
  needsSubjects: false,
});
const HOUR_MS = 3_600_000;

afterEach(() => vi.useRealTimers());

async function closedProject(name: string): Promise<string> {
  const project = newProject(name);
  await setFaults(project, [{ kind: "status", status: 400, type: "Throttled", times: 1_000_000 }]);
  return project;
}

describe("a copy", () => {
  it("in the same call: the second is a duplicate, answered when the first is durable", async () => {
    const project = await closedProject("call");
    const answers = await shardOf(project).append(
      packAppends([appendInput(["a", "b"]), appendInput(["c", "b", "a"]), appendInput(["d"])]),
    );
    expect(answers).toMatchObject([STORED, duplicates(1, 2), STORED]);
    expect((await storedRows(project)).reduce((sum, { ids }) => sum + ids.byteLength, 0)).toBe(3 * 8);
  });

  it("at the same time: one is stored", async () => {
    const project = newProject("race");
    const answers = await Promise.all(Array.from({ length: 20 }, () => append(project, appendInput(["a"]))));
    expect(answers.filter(({ outcome }) => outcome === "stored")).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === "again")).toHaveLength(19);
  });

  it("while the first is not flushed", async () => {
    const project = await closedProject("waiting");
    expect(await append(project, appendInput(["a"]))).toMatchObject(STORED);
    expect(await append(project, appendInput(["x", "a"]))).toMatchObject(duplicates(1));
    // Nothing of that was stored: it comes again without the duplicate.
    expect(await append(project, appendInput(["x"]))).toMatchObject(STORED);
  });

  it("after the flush", async () => {
    const project = newProject("flushed");
    await append(project, appendInput(["a", "b"]));
    await untilFlushed(project);
    expect(await append(project, appendInput(["b", "c", "a"]))).toMatchObject(duplicates(0, 2));
  });

  it("after the object lost its memory, flushed or not", async () => {
    const project = newProject("evicted");
    await append(project, appendInput(["flushed"]));
    await untilFlushed(project);
    await setFaults(project, [{ kind: "status", status: 400, type: "Throttled", times: 1_000_000 }]);
    await append(project, appendInput(["waiting"]));
    await loseMemory();
    expect(await append(project, appendInput(["flushed", "new", "waiting"]))).toMatchObject(duplicates(0, 2));
  });

  it("is known by its id alone, whatever its time", async () => {
    const project = newProject("time");
    await append(project, appendInput(["a"], { oldestMs: Date.now() }));
    for (const oldestMs of [0, Date.now() - HOUR_MS, Date.now() + HOUR_MS]) {
      expect(await append(project, appendInput(["a"], { oldestMs }))).toMatchObject(duplicates(0));
    }
  });

  it("in another project, or in another shard, is another message", async () => {
    const [one, two] = [newProject("one"), newProject("two")];
    expect(await append(one, appendInput(["a"]))).toMatchObject(STORED);
    expect(await append(two, appendInput(["a"]))).toMatchObject(STORED);
    expect(await shardOf(one, 1).append(packAppends([appendInput(["a"])]))).toMatchObject([STORED]);
  });

  it("23 hours later, and not after the window", async () => {
    const project = newProject("day");
    const firstMs = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: firstMs });
    await append(project, appendInput(["a"], { oldestMs: firstMs }));
    await untilFlushed(project);
    vi.setSystemTime(firstMs + 23 * HOUR_MS);
    await shardOf(project).sweep();
    await loseMemory();
    expect(await append(project, appendInput(["a"], { oldestMs: firstMs }))).toMatchObject(duplicates(0));
    vi.setSystemTime(firstMs + 26 * HOUR_MS);
    await shardOf(project).sweep();
    await loseMemory();
    expect(await append(project, appendInput(["a"], { oldestMs: firstMs }))).toMatchObject(STORED);
  });
});

describe("memory turned over", () => {
  const limits = LIMITS as { dedupeMemoryIds: number };
  const before = limits.dedupeMemoryIds;
  beforeEach(() => void (limits.dedupeMemoryIds = 2_000));
  afterEach(() => void (limits.dedupeMemoryIds = before));

  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

  it("a copy of the first is found on disk", async () => {
    const project = newProject("runs");
    const firstMs = Date.now();
    expect(await append(project, appendInput(["first"], { oldestMs: firstMs }))).toMatchObject(STORED);
    // A run is made of 262,144 ids.
    for (let i = 0; i < 28; i++) {
      expect(await append(project, appendInput(names(`n${i}`, 10_000)))).toMatchObject(STORED);
      await untilFlushed(project);
    }
    for (const evicted of [false, true]) {
      if (evicted) await loseMemory();
      expect(await append(project, appendInput(["new", "first"], { oldestMs: firstMs }))).toMatchObject(duplicates(1));
      expect(await append(project, appendInput(["n3-17"], { oldestMs: firstMs }))).toMatchObject(duplicates(0));
      expect(await append(project, appendInput(["n27-9999"], { oldestMs: firstMs }))).toMatchObject(duplicates(0));
    }
  });
});

/** Not over RPC: the test plugin takes the name for that of a handler of the runtime. */
function trace(project: string, id: Uint8Array) {
  return runInDurableObject(shardOf(project), (shard: BufferShard) => shard.trace(id));
}

describe("a trace", () => {
  it("tells when a message was accepted, and when flushed", async () => {
    const project = await closedProject("trace");
    const fromMs = Date.now();
    const input = appendInput(["a"]);
    await append(project, input);
    const waiting = await trace(project, input.ids);
    expect(waiting).toMatchObject({ flushedAtMs: null });
    expect(waiting?.acceptedAtMs).toBeGreaterThanOrEqual(fromMs);
    await setFaults(project, []);
    await runAlarm(project);
    const flushed = await trace(project, input.ids);
    expect(flushed?.acceptedAtMs).toBe(waiting?.acceptedAtMs);
    expect(flushed?.flushedAtMs).toBeGreaterThanOrEqual(flushed?.acceptedAtMs as number);
    expect(await trace(project, appendInput(["b"]).ids)).toBeNull();
    expect((await streamState(project)).arrived).toHaveLength(1);
  });
});
