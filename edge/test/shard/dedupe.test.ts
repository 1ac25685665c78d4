// Tests duplicates of a message: in the same commit, in the next commit, after the flush, after the object lost its memory, after
// its memory was replaced, and a day later. A message is identified by its id alone. E5.

import { runInDurableObject } from "cloudflare:test";
import { Buffer } from "node:buffer";
import { decodeFrame } from "@behaviour/contract";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { packAppends } from "../../src/shard/append-call.ts";
import type { BufferShard } from "../../src/shard/shard.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { readRecords, setFaults, streamState } from "../servers/kinesis/stream.ts";
import { restoreShards, shrinkShards } from "./small-shard.ts";
import { append, appendInput, loseMemory, runAlarm, shardOf, storedRows, tablesOfRows, untilFlushed } from "./stub.ts";

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

describe("a duplicate", () => {
  it("in the same call is reported when the first message is durable", async () => {
    const project = await closedProject("call");
    const answers = await shardOf(project).append2(
      packAppends([appendInput(["a", "b"]), appendInput(["c", "b", "a"]), appendInput(["d"])]),
    );
    expect(answers).toMatchObject([STORED, duplicates(1, 2), STORED]);
    expect((await storedRows(project)).reduce((sum, { ids }) => sum + ids.byteLength, 0)).toBe(3 * 8);
  });

  it("sent at the same time is stored once", async () => {
    const project = newProject("race");
    const answers = await Promise.all(Array.from({ length: 20 }, () => append(project, appendInput(["a"]))));
    expect(answers.filter(({ outcome }) => outcome === "stored")).toHaveLength(1);
    expect(answers.filter(({ outcome }) => outcome === "again")).toHaveLength(19);
  });

  it("is recognised before the first message is flushed", async () => {
    const project = await closedProject("waiting");
    expect(await append(project, appendInput(["a"]))).toMatchObject(STORED);
    expect(await append(project, appendInput(["x", "a"]))).toMatchObject(duplicates(1));
    // Nothing of that append was stored. It is sent again without the duplicate.
    expect(await append(project, appendInput(["x"]))).toMatchObject(STORED);
  });

  it("is recognised after the flush", async () => {
    const project = newProject("flushed");
    await append(project, appendInput(["a", "b"]));
    await untilFlushed(project);
    expect(await append(project, appendInput(["b", "c", "a"]))).toMatchObject(duplicates(0, 2));
  });

  it("is recognised after the object lost its memory, flushed or not", async () => {
    const project = newProject("evicted");
    await append(project, appendInput(["flushed"]));
    await untilFlushed(project);
    await setFaults(project, [{ kind: "status", status: 400, type: "Throttled", times: 1_000_000 }]);
    await append(project, appendInput(["waiting"]));
    await loseMemory();
    expect(await append(project, appendInput(["flushed", "new", "waiting"]))).toMatchObject(duplicates(0, 2));
  });

  it("is recognised by its id alone, for any time", async () => {
    const project = newProject("time");
    await append(project, appendInput(["a"], { oldestMs: Date.now() }));
    for (const oldestMs of [0, Date.now() - HOUR_MS, Date.now() + HOUR_MS]) {
      expect(await append(project, appendInput(["a"], { oldestMs }))).toMatchObject(duplicates(0));
    }
  });

  it("in another project or another shard is a different message", async () => {
    const [one, two] = [newProject("one"), newProject("two")];
    expect(await append(one, appendInput(["a"]))).toMatchObject(STORED);
    expect(await append(two, appendInput(["a"]))).toMatchObject(STORED);
    expect(await shardOf(one, 1).append2(packAppends([appendInput(["a"])]))).toMatchObject([STORED]);
  });

  it("is recognised 23 hours later, and not after the window", async () => {
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

describe("24 hours later, at the door", () => {
  afterEach(restoreShards);

  it.each([
    ["few messages came meanwhile", {}],
    ["many came meanwhile", { dedupeMemoryIds: 200, dedupeRunIds: 100 }],
  ])("%s: with another `sentAt` the message is a duplicate, and on the stream once", async (_name, size) => {
    shrinkShards(size);
    const project = newProject("a-day");
    const key = await newKey({ project });
    const firstMs = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: firstMs });
    const at = (ms: number) => new Date(ms).toISOString();
    const event = goodEvent({ timestamp: at(firstMs - 200) });
    const sendAt = (ms: number, headers = {}) =>
      send("/v1/batch", { headers: { ...bearer(key), ...headers }, body: { batch: [event], sentAt: at(ms) } });
    expect((await sendAt(firstMs)).body).toMatchObject({ accepted: 1, duplicates: 0 });
    await untilFlushed(project);
    for (let hour = 1; hour <= 24; hour++) {
      vi.setSystemTime(firstMs + hour * HOUR_MS);
      await append(project, appendInput(Array.from({ length: 50 }, (_, index) => `${hour}-${index}`)));
      await untilFlushed(project);
      await shardOf(project).sweep();
      if (hour % 8 === 0) await loseMemory();
    }
    expect((await sendAt(firstMs + 24 * HOUR_MS)).body).toMatchObject({ accepted: 0, duplicates: 1 });
    // A retry after the clock was corrected, and a retry of a library that counts its attempts.
    expect((await sendAt(firstMs + 22 * HOUR_MS)).body).toMatchObject({ accepted: 0, duplicates: 1 });
    expect((await sendAt(firstMs, { "X-Retry-Count": "7" })).body).toMatchObject({ accepted: 0, duplicates: 1 });
    await untilFlushed(project);
    const { arrived } = await streamState(project);
    const copies = readRecords(arrived.filter(({ data }) => isEnvelope(data)));
    expect(copies.lines.flatMap(({ events }) => events.map(({ messageId }) => messageId))).toEqual([event.messageId]);
  });

  /** The lines of `appendInput` are not envelopes. */
  function isEnvelope(data: string): boolean {
    const [line] = [...decodeFrame(new Uint8Array(Buffer.from(data, "base64")))];
    return (line?.value as { shape?: string } | undefined)?.shape !== undefined;
  }
});

describe("memory turned over", () => {
  beforeEach(() => shrinkShards({ dedupeMemoryIds: 2_000, dedupeRunIds: 1_000 }));
  afterEach(restoreShards);

  const COMMITS = 12;
  const names = (prefix: string) => Array.from({ length: 500 }, (_, i) => `${prefix}-${i}`);

  async function expectAllKnown(project: string, oldestMs: number): Promise<void> {
    for (let i = 0; i < COMMITS; i++) {
      const answer = await append(
        project,
        appendInput([`new-${crypto.randomUUID()}`, `n${i}-17`, `n${i}-499`], { oldestMs }),
      );
      expect(answer, `of commit ${i}`).toMatchObject(duplicates(1, 2));
    }
  }

  it("duplicates of flushed messages are found on disk, also by an object without memory", async () => {
    const project = newProject("runs");
    const firstMs = Date.now();
    for (let i = 0; i < COMMITS; i++) {
      expect(await append(project, appendInput(names(`n${i}`), { oldestMs: firstMs }))).toMatchObject(STORED);
      await untilFlushed(project);
    }
    await expectAllKnown(project, firstMs);
    await loseMemory();
    await expectAllKnown(project, firstMs);
  });

  it("duplicates of messages that wait in an outage are found during and after it, also without memory", async () => {
    const project = await closedProject("outage");
    const firstMs = Date.now();
    for (let i = 0; i < COMMITS; i++) {
      expect(await append(project, appendInput(names(`n${i}`), { oldestMs: firstMs }))).toMatchObject(STORED);
      if (i === 5) await loseMemory();
    }
    expect(await storedRows(project)).toHaveLength(COMMITS);
    await expectAllKnown(project, firstMs);
    await loseMemory();
    await expectAllKnown(project, firstMs);
    expect(await storedRows(project)).toHaveLength(COMMITS);
    await setFaults(project, []);
    await runAlarm(project);
    await untilFlushed(project);
    await expectAllKnown(project, firstMs);
    await loseMemory();
    await expectAllKnown(project, firstMs);
    // Row numbers continue after a restart. A later row must not be mistaken for a row whose ids are already in a run.
    expect(await append(project, appendInput(["later"], { oldestMs: firstMs }))).toMatchObject(STORED);
    await loseMemory();
    expect(await append(project, appendInput(["later"], { oldestMs: firstMs }))).toMatchObject(duplicates(0));
  });

  it("an id is stored exactly once, in one run or outside all runs", async () => {
    const project = await closedProject("once");
    for (let i = 0; i < COMMITS; i++) await append(project, appendInput(names(`n${i}`)));
    await setFaults(project, []);
    await runAlarm(project);
    await untilFlushed(project);
    const bytes = await runInDurableObject(shardOf(project), (_shard, { storage }) => {
      const sum = (table: string) =>
        Number(storage.sql.exec(`SELECT ifnull(sum(length(ids)), 0) AS bytes FROM ${table}`).one().bytes);
      const inRuns = sum("id_pages");
      const [{ state } = { state: "" }] = storage.sql
        .exec<{ state: string }>("SELECT state FROM shard_state")
        .toArray();
      const { inRunsSeq } = JSON.parse(state) as { inRunsSeq: number };
      const outside = tablesOfRows(storage.sql).map((table) =>
        sum(`(SELECT ids FROM ${table} WHERE seq > ${inRunsSeq})`),
      );
      return outside.reduce((total, bytes) => total + bytes, inRuns);
    });
    expect(bytes).toBe(COMMITS * 500 * 8);
  });
});

/** Not over RPC, because the test plugin mistakes the name for a handler of the runtime. */
function trace(project: string, id: Uint8Array) {
  return runInDurableObject(shardOf(project), (shard: BufferShard) => shard.traceMessage(id));
}

describe("a trace", () => {
  it("returns when a message was accepted and when it was flushed", async () => {
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
