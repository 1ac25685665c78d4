// Tests when a shard retries a flush, and which records it sends.

import { compressMember, decodeFrame, LIMITS, TUNINGS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { backoffMs, sortOutcomes, toRecord } from "../../src/shard/flush-policy.ts";
import type { Row } from "../../src/shard/rows.ts";

describe("backoff", () => {
  it.each([
    [1, 200],
    [2, 400],
    [3, 800],
    [5, 3_200],
    [8, 25_600],
    [9, 51_200],
    [10, 60_000],
    [11, 60_000],
    [100, 60_000],
    [1_000_000, 60_000],
  ])("after %i failures is at most %i ms, and at least half of that", (failures, ceilingMs) => {
    expect(backoffMs(failures, () => 0)).toBe(ceilingMs / 2);
    expect(backoffMs(failures, () => 1 - Number.EPSILON)).toBe(ceilingMs);
    for (let i = 0; i < 100; i++) {
      const delayMs = backoffMs(failures);
      expect(delayMs).toBeGreaterThanOrEqual(ceilingMs / 2);
      expect(delayMs).toBeLessThanOrEqual(Math.min(ceilingMs, TUNINGS.flushBackoffMaxMs));
    }
  });

  it("differs between shards that fail at the same time", () => {
    expect(new Set(Array.from({ length: 50 }, () => backoffMs(8))).size).toBeGreaterThan(25);
  });
});

function row(seq: number): Row {
  const frame = compressMember(new TextEncoder().encode(`{"row":${seq}}\n`));
  return { seq, boot: "boot-1", committedAtMs: 0, frame };
}

describe("records", () => {
  it("are the row's own bytes", () => {
    const one = row(1);
    const record = toRecord("p:na:0", one, false);
    expect(record.data).toBe(one.frame);
    expect(record.partitionKey).toBe("p:na:0/boot-1.1");
  });

  it("that may have arrived have a mark after the same bytes, and the same key", () => {
    const one = row(1);
    const record = toRecord("p:na:0", one, true);
    expect(record.data.slice(0, one.frame.byteLength)).toEqual(new Uint8Array(one.frame));
    expect([...decodeFrame(record.data)].map(({ value }) => value)).toEqual([{ row: 1 }, { v: 1, redelivery: true }]);
    expect(record.partitionKey).toBe(toRecord("p:na:0", one, false).partitionKey);
  });

  it("with mark and key are within the limit of Kinesis", () => {
    const frame = new Uint8Array(LIMITS.frameBytes);
    const { data, partitionKey } = toRecord(`${"p".repeat(64)}:na:255`, { ...row(1), frame }, true);
    expect(data.byteLength + partitionKey.length).toBeLessThanOrEqual(1_048_576);
  });
});

describe("outcomes", () => {
  it("are sorted by record, and a missing outcome is unknown", () => {
    const rows = [1, 2, 3, 4].map(row);
    const { stored, refused, unknown } = sortOutcomes(rows, ["stored", "refused", "unknown"]);
    expect(stored.map(({ seq }) => seq)).toEqual([1]);
    expect(refused.map(({ seq }) => seq)).toEqual([2]);
    expect(unknown.map(({ seq }) => seq)).toEqual([3, 4]);
  });
});
