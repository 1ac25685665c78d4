// Tests the stream's answers. Exactly the rows that the stream reports as stored are deleted; all other rows are sent again.

import { decodeFrame } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { newProject } from "../keys.ts";
import type { Fault } from "../servers/kinesis/faults.ts";
import { bytesOf, setFaults, streamState } from "../servers/kinesis/stream.ts";
import { restoreShards, shrinkShards } from "./small-shard.ts";
import { append, appendInput, runAlarm, storedRows, untilFlushed } from "./stub.ts";

const THROTTLED = "ProvisionedThroughputExceededException";
const CLOSED: Fault = { kind: "status", status: 400, type: THROTTLED, times: 1_000_000 };

/** The arrived ids with the number of copies of each, and the number of records with a mark. */
async function arrivals(project: string): Promise<{ copies: Map<string, number>; marked: number }> {
  const copies = new Map<string, number>();
  let marked = 0;
  for (const record of (await streamState(project)).arrived) {
    for (const { value } of decodeFrame(bytesOf(record))) {
      const line = value as { ids?: string[]; redelivery?: boolean };
      if (line.redelivery === true) marked++;
      for (const id of line.ids ?? []) copies.set(id, (copies.get(id) ?? 0) + 1);
    }
  }
  return { copies, marked };
}

/** Rows of one id each in a shard whose stream is closed. */
async function withRows(name: string, count: number): Promise<{ project: string; names: string[] }> {
  const project = newProject(name);
  await setFaults(project, [CLOSED]);
  const names = Array.from({ length: count }, (_, i) => `m-${i}`);
  for (const id of names) await append(project, appendInput([id]));
  return { project, names };
}

/** Returns after the next call has met the fault. Later calls are refused. */
async function meetFault(project: string, fault: Fault): Promise<void> {
  await setFaults(project, [fault, CLOSED]);
  const { calls } = await streamState(project);
  await vi.waitFor(
    async () => {
      // An alarm that fires during a flush waits for that flush, which may have met the previous fault.
      await runAlarm(project);
      expect((await streamState(project)).calls).toBeGreaterThan(calls);
    },
    { timeout: 10_000, interval: 10 },
  );
  await runAlarm(project);
}

function randomMask(count: number): boolean[] {
  return Array.from({ length: count }, () => Math.random() < 0.5);
}

describe("partial failures", () => {
  it.each([1, 2, 3, 4, 5, 6])("with random mask %i delete exactly the stored rows", async () => {
    const { project, names } = await withRows("mask", 12);
    const mask = randomMask(12);
    await meetFault(project, { kind: "mask", stored: mask, error: THROTTLED });
    const left = (await storedRows(project)).map(({ seq }) => names[seq - 1]);
    expect(left).toEqual(names.filter((_, index) => !mask[index]));
    await setFaults(project, [{ kind: "mask", stored: randomMask(12), error: THROTTLED, times: 3 }]);
    await untilFlushedByAlarm(project);
    const { copies, marked } = await arrivals(project);
    expect([...copies.keys()].sort()).toEqual([...names].sort());
    expect(Math.max(...copies.values())).toBe(1);
    // The stream refused each of these records explicitly, so there is no duplicate and no mark.
    expect(marked).toBe(0);
  });

  it("with an internal failure send that record again with a mark", async () => {
    const { project, names } = await withRows("internal", 4);
    await setFaults(project, [{ kind: "mask", stored: [true, false], error: "InternalFailure" }]);
    await untilFlushedByAlarm(project);
    const { copies, marked } = await arrivals(project);
    expect(copies.size).toBe(names.length);
    expect(marked).toBe(2);
  });
});

/** The shard's timers back off. The alarm does not wait for them. */
async function untilFlushedByAlarm(project: string): Promise<void> {
  await vi.waitFor(
    async () => {
      await runAlarm(project);
      expect(await storedRows(project)).toEqual([]);
    },
    { timeout: 10_000, interval: 10 },
  );
}

const ok = (count: number) => new Array(count).fill({ SequenceNumber: "1", ShardId: "s" });

const UNCERTAIN: { name: string; fault: Fault; arrives: boolean }[] = [
  { name: "commit, then reset", fault: { kind: "commit_then_reset" }, arrives: true },
  { name: "reset before any work", fault: { kind: "reset" }, arrives: false },
  { name: "500", fault: { kind: "status", status: 500, type: "InternalFailure" }, arrives: false },
  { name: "503", fault: { kind: "status", status: 503, type: "ServiceUnavailable" }, arrives: false },
  { name: "a redirect", fault: { kind: "status", status: 301, type: "x" }, arrives: false },
  { name: "200 and no JSON", fault: { kind: "answer", text: "<html>", commit: true }, arrives: true },
  { name: "200 and nothing", fault: { kind: "answer", text: "", commit: true }, arrives: true },
  { name: "200 and null", fault: { kind: "answer", text: "null", commit: true }, arrives: true },
  { name: "200 without Records", fault: { kind: "answer", text: "{}", commit: true }, arrives: true },
  { name: "200, one result too few", fault: answer(ok(2)), arrives: true },
  { name: "200, one result too many", fault: answer(ok(4)), arrives: true },
  { name: "200, results that are null", fault: answer([null, null, null]), arrives: true },
  { name: "200, results without a number", fault: answer([{}, {}, {}]), arrives: true },
  { name: "200, empty sequence numbers", fault: answer(new Array(3).fill({ SequenceNumber: "" })), arrives: true },
  {
    name: "200, sequence numbers that are not strings",
    fault: answer(new Array(3).fill({ SequenceNumber: 5 })),
    arrives: true,
  },
  {
    name: "200, number and error",
    fault: answer(ok(3).map((r: object) => ({ ...r, ErrorCode: "InternalFailure" }))),
    arrives: true,
  },
  { name: "200, results that are arrays", fault: answer([[], [], []]), arrives: true },
  { name: "200, results that are strings", fault: answer(["1", "2", "3"]), arrives: true },
  { name: "200, Records an object", fault: answer({ 0: {}, 1: {}, 2: {}, length: 3 }), arrives: true },
  { name: "200, Records within Records", fault: answer([ok(3)]), arrives: true },
  { name: "200, more failures counted than listed", fault: answer(ok(3), 1), arrives: true },
  {
    name: "200, fewer failures counted than listed",
    fault: answer([...ok(2), { ErrorCode: THROTTLED }], 0),
    arrives: true,
  },
  {
    name: "200, an error of another type",
    fault: answer(
      ok(3).map((r: object) => ({ ...r, SequenceNumber: undefined, ErrorCode: 5 })),
      3,
    ),
    arrives: true,
  },
  {
    name: "200, cut in the middle",
    fault: { kind: "answer", text: '{"FailedRecordCount":0,"Records":[{"SequenceNumber":"1"', commit: true },
    arrives: true,
  },
  { name: "200, an answer to another request", fault: { kind: "answer", text: "[]", commit: false }, arrives: false },
];

function answer(records: unknown, failed = 0): Fault {
  return { kind: "answer", text: JSON.stringify({ FailedRecordCount: failed, Records: records }), commit: true };
}

describe("answers that do not say whether the records arrived", () => {
  it.each(UNCERTAIN)("$name: no row is deleted, and all are sent again with a mark", async ({ fault, arrives }) => {
    const { project, names } = await withRows("open", 3);
    await meetFault(project, fault);
    expect(await storedRows(project)).toHaveLength(3);
    await setFaults(project, []);
    await untilFlushedByAlarm(project);
    const { copies, marked } = await arrivals(project);
    expect([...copies.keys()].sort()).toEqual(names);
    expect([...copies.values()]).toEqual(names.map(() => (arrives ? 2 : 1)));
    expect(marked).toBe(3);
  });
});

const REFUSING: { name: string; status: number; type: string }[] = [
  { name: "throttled", status: 400, type: THROTTLED },
  { name: "expired credentials", status: 400, type: "ExpiredTokenException" },
  { name: "expired credentials, in the wording of some services", status: 403, type: "ExpiredToken" },
  { name: "a wrong signature", status: 403, type: "InvalidSignatureException" },
  { name: "no such stream", status: 400, type: "ResourceNotFoundException" },
];

describe("answers that refuse all records", () => {
  it.each(REFUSING)("$name: no row is deleted, and all are sent again without a mark", async ({ status, type }) => {
    const { project, names } = await withRows("refused", 3);
    await meetFault(project, { kind: "status", status, type });
    expect(await storedRows(project)).toHaveLength(3);
    await setFaults(project, []);
    await untilFlushedByAlarm(project);
    const { copies, marked } = await arrivals(project);
    expect([...copies]).toEqual(names.map((name) => [name, 1]));
    expect(marked).toBe(0);
  });
});

describe("a stream that does not answer", () => {
  beforeAll(() => shrinkShards({ callDeadlineMs: 1_000 }));
  afterAll(restoreShards);

  it.concurrent.each([
    { name: "hang", kind: "hang" },
    { name: "a body that never ends", kind: "trickle" },
  ] as const)(
    "$name: the call ends at the deadline, and new events are accepted meanwhile",
    async ({ kind }) => {
      const { project, names } = await withRows(kind, 2);
      await setFaults(project, [{ kind }]);
      const alarm = runAlarm(project);
      expect(await append(project, appendInput(["meanwhile"]))).toMatchObject({ outcome: "stored" });
      await alarm;
      await untilFlushed(project);
      const { copies } = await arrivals(project);
      expect([...copies.keys()].sort()).toEqual([...names, "meanwhile"].sort());
    },
    30_000,
  );
});

describe("answers in another order than the calls", () => {
  beforeAll(() => shrinkShards({ callDeadlineMs: 500 }));
  afterAll(restoreShards);

  it("a call that timed out arrives after the next call: all records are there, and every duplicate is marked", async () => {
    const { project, names } = await withRows("late", 3);
    await setFaults(project, [{ kind: "late", afterMs: 1_500 }]);
    await untilFlushedByAlarm(project);
    await vi.waitFor(
      async () => {
        const { copies } = await arrivals(project);
        expect([...copies]).toEqual(names.map((name) => [name, 2]));
      },
      { timeout: 10_000, interval: 50 },
    );
    expect((await arrivals(project)).marked).toBe(3);
    expect(await storedRows(project)).toEqual([]);
  });

  it("results in another order, all stored: each record is there once", async () => {
    const { project, names } = await withRows("swapped", 5);
    await setFaults(project, [{ kind: "shuffled" }]);
    await untilFlushedByAlarm(project);
    const { copies, marked } = await arrivals(project);
    expect([...copies]).toEqual(names.map((name) => [name, 1]));
    expect(marked).toBe(0);
  });
});

describe("many rows", () => {
  it("are sent in several calls if they exceed one call", async () => {
    const { project } = await withRows("many", 1);
    const inputs = Array.from({ length: 8 }, (_, i) => appendInput([`large-${i}`], { padding: 300_000 }));
    for (const input of inputs) await append(project, input);
    await setFaults(project, []);
    await untilFlushedByAlarm(project);
    expect((await arrivals(project)).copies.size).toBe(9);
  });
});
