// Tests the flusher with a scripted stream and a clock that jumps from timer to timer. Only refused rows are sent again, progress
// is never treated as a failure, and a duplicate always carries its mark.

import { compressMember, decodeFrame } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Flusher } from "../../src/shard/flusher.ts";
import { Rows } from "../../src/shard/rows.ts";
import type { RecordOutcome, Sink, SinkRecord } from "../../src/sink/sink.ts";
import { withStorage } from "./storage.ts";

afterEach(() => vi.useRealTimers());

const ANSWER_AFTER_MS = 50;
const encoder = new TextEncoder();
const NO_IDS = new Uint8Array(0);

/** Returns the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Call {
  atMs: number;
  records: { key: string; isMarked: boolean }[];
}

/** A stream that judges each record by a function. */
function scriptedSink(judge: (record: SinkRecord, call: number) => RecordOutcome, answerAfterMs = ANSWER_AFTER_MS) {
  const calls: Call[] = [];
  const sink: Sink = {
    maxRecords: 500,
    maxBytes: 4 * 1024 * 1024,
    put: async (records) => {
      const call = calls.push({ atMs: Date.now(), records: records.map(readRecord) });
      await new Promise((resolve) => setTimeout(resolve, answerAfterMs));
      const outcomes = records.map((record) => judge(record, call));
      return { outcomes, fault: outcomes.every((outcome) => outcome === "stored") ? null : "as told" };
    },
  };
  return { sink, calls };
}

function readRecord({ partitionKey, data }: SinkRecord) {
  const isMarked = [...decodeFrame(data)].some(({ value }) => (value as { redelivery?: boolean }).redelivery === true);
  return { key: partitionKey, isMarked };
}

interface Shard {
  rows: Rows;
  flusher: Flusher;
  add(count: number): void;
  /** `markSent` throws while `isFull` is true. */
  disk: { isFull: boolean };
}

function withShard<T>(sinks: readonly Sink[], use: (shard: Shard) => Promise<T>): Promise<T> {
  return withStorage(async ({ storage }) => {
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
    const rows = new Rows(storage);
    const disk = { isFull: false };
    const flusher = new Flusher({
      name: "p:na:0",
      rows,
      sinks: () => sinks,
      markSent: (sent) => {
        if (disk.isFull) throw new Error("database or disk is full: SQLITE_FULL");
        rows.markSent(sent, "", Date.now());
      },
      delayMs: () => 250,
    });
    const add = (count: number) => {
      for (let i = 0; i < count; i++) {
        const frame = compressMember(encoder.encode(`{"row":${rows.lastSeq + 1}}\n`));
        rows.insert([{ boot: "boot", committedAtMs: Date.now(), frame, ids: NO_IDS }], "");
      }
      flusher.schedule();
    };
    return use({ rows, flusher, add, disk });
  });
}

async function untilEmpty(rows: Rows, withinMs: number): Promise<void> {
  for (let ms = 0; ms < withinMs && rows.count > 0; ms += 100) await vi.advanceTimersByTimeAsync(100);
  expect(rows.count).toBe(0);
}

describe("a stream that refuses a share of the records", () => {
  it.each([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])(
    "(share %f) leaves a bounded backlog, and each record is stored once",
    async (share) => {
      const random = randomOf(7);
      const taken: string[] = [];
      const { sink, calls } = scriptedSink(({ partitionKey }) => {
        if (random() < share) return "refused";
        taken.push(partitionKey);
        return "stored";
      });
      await withShard([sink], async ({ rows, add }) => {
        const backlog: number[] = [];
        for (let tick = 0; tick < 600; tick++) {
          add(6);
          await vi.advanceTimersByTimeAsync(100);
          if (tick % 100 === 99) backlog.push(rows.count);
        }
        // Sixty rows a second for a minute. Earlier code had more than a thousand waiting rows after 47 s, and a growing number.
        expect(Math.max(...backlog)).toBeLessThan(300);
        // The last few rows may all be refused several times in a row.
        await untilEmpty(rows, 30 * 60_000);
        expect(taken).toHaveLength(3_600);
        expect(new Set(taken).size).toBe(3_600);
        // A refused record definitely did not arrive.
        expect(calls.flatMap(({ records }) => records).filter(({ isMarked }) => isMarked)).toEqual([]);
        for (const { records } of calls) expect(new Set(records.map(({ key }) => key)).size).toBe(records.length);
      });
    },
  );

  it("receives refused rows again after the rows that were not tried yet", async () => {
    const { sink, calls } = scriptedSink((_record, call) => (call === 1 ? "refused" : "stored"));
    const half = { ...sink, maxRecords: 10 };
    let isFirst = true;
    half.put = async (records) => {
      const answer = await sink.put(records);
      if (isFirst) answer.outcomes[9] = "stored";
      isFirst = false;
      return answer;
    };
    await withShard([half], async ({ rows, add }) => {
      add(25);
      await untilEmpty(rows, 10_000);
      const seqs = calls.map(({ records }) => records.map(({ key }) => Number(key.split(".")[1])));
      expect(seqs).toEqual([
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        [11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
        [21, 22, 23, 24, 25, 1, 2, 3, 4, 5],
        [6, 7, 8, 9],
      ]);
    });
  });

  it("gets all other records immediately if it always refuses one record, and that record less and less often", async () => {
    const poison = "p:na:0/boot.3";
    const { sink, calls } = scriptedSink(({ partitionKey }) => (partitionKey === poison ? "refused" : "stored"));
    await withShard([sink], async ({ rows, add }) => {
      add(10);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(rows.count).toBe(1);
      const before = calls.length;
      await vi.advanceTimersByTimeAsync(10 * 60_000);
      expect(calls.length - before).toBeLessThan(60);
    });
  });
});

describe("a stream that refuses everything", () => {
  it("is called less and less often, but at least once a minute, and receives every row when it recovers", async () => {
    let isDown = true;
    const { sink, calls } = scriptedSink(() => (isDown ? "refused" : "stored"));
    await withShard([sink], async ({ rows, add }) => {
      for (let second = 0; second < 600; second++) {
        add(1);
        await vi.advanceTimersByTimeAsync(1_000);
      }
      expect(calls.length).toBeLessThan(30);
      const gaps = calls.slice(1).map(({ atMs }, index) => atMs - (calls[index] as Call).atMs);
      expect(Math.max(...gaps)).toBeLessThan(61_000);
      isDown = false;
      await untilEmpty(rows, 61_000);
    });
  });
});

describe("a disk that cannot record sent rows", () => {
  it("leads to marks on every copy after the first, until the disk can record them", async () => {
    const { sink, calls } = scriptedSink(() => "stored");
    await withShard([sink], async ({ rows, add, disk }) => {
      disk.isFull = true;
      add(3);
      await vi.advanceTimersByTimeAsync(5_000);
      expect(calls.length).toBeGreaterThan(2);
      // The retries are less frequent than normal flushes.
      expect(calls.length).toBeLessThan(12);
      disk.isFull = false;
      await untilEmpty(rows, 61_000);
      for (const [index, { records }] of calls.entries()) {
        expect(records.map(({ isMarked }) => isMarked)).toEqual(records.map(() => index > 0));
      }
    });
  });

  it("a row that may have arrived keeps its mark when a retry is refused", async () => {
    const outcomes: RecordOutcome[] = ["unknown", "refused", "stored"];
    const { sink, calls } = scriptedSink((_record, call) => outcomes[call - 1] as RecordOutcome);
    await withShard([sink], async ({ rows, add }) => {
      add(1);
      await untilEmpty(rows, 61_000);
      expect(calls.map(({ records }) => records[0]?.isMarked)).toEqual([false, true, true]);
    });
  });
});

describe("a primary that hangs", () => {
  it("is tried with one record, without delaying the flush", async () => {
    let hangs = true;
    const primary = scriptedSink(() => (hangs ? "unknown" : "stored"), 10_000);
    const secondary = scriptedSink(() => "stored");
    await withShard([primary.sink, secondary.sink], async ({ rows, add }) => {
      add(5);
      // Two calls of ten seconds open its breaker.
      await vi.advanceTimersByTimeAsync(21_000);
      await untilEmpty(rows, 1_000);
      const waits: number[] = [];
      for (let second = 0; second < 120; second++) {
        add(5);
        await vi.advanceTimersByTimeAsync(1_000);
        waits.push(rows.count);
      }
      // At most the record of the trial waits, and no other record.
      expect(Math.max(...waits)).toBe(1);
      const trials = primary.calls.slice(2);
      expect(trials.length).toBeGreaterThan(1);
      for (const { records } of trials) expect(records).toHaveLength(1);
      hangs = false;
      await vi.advanceTimersByTimeAsync(80_000);
      add(5);
      await untilEmpty(rows, 30_000);
      const before = secondary.calls.length;
      add(5);
      await untilEmpty(rows, 30_000);
      expect(primary.calls.at(-1)?.records.length).toBe(5);
      expect(secondary.calls.length).toBe(before);
    });
  });
});
