// Tests the sorted runs of ids on disk: look-up, merging of many runs, and expiry after the window. Uses a shard's own storage.

import { runInDurableObject } from "cloudflare:test";
import { ID_HASH_BYTES, LIMITS, packIds } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { migrate } from "../../src/shard/schema.ts";
import { FORGET_LATE_MS, RUNS_MAX, Segments } from "../../src/shard/segments.ts";
import { newProject } from "../keys.ts";
import { shardOf } from "./stub.ts";

const names = (from: number, count: number) => Array.from({ length: count }, (_, i) => `m-${from + i}`);

function withSegments<T>(use: (segments: Segments, sql: SqlStorage, again: () => Segments) => T): Promise<T> {
  return runInDurableObject(shardOf(newProject("segments")), (_shard, { storage }) => {
    migrate(storage);
    return use(new Segments(storage.sql), storage.sql, () => new Segments(storage.sql));
  });
}

function randomIds(count: number): Uint8Array {
  const ids = new Uint8Array(count * ID_HASH_BYTES);
  for (let at = 0; at < ids.byteLength; at += 65_536) crypto.getRandomValues(ids.subarray(at, at + 65_536));
  return ids;
}

const countOf = (sql: SqlStorage, table: string) => Number(sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n);

function mergeAll(segments: Segments): number {
  let slices = 0;
  for (; segments.hasMergeToDo; slices++) segments.mergeSlice();
  return slices;
}

describe("segments", () => {
  it("find each id of a run and no other id", () =>
    withSegments((segments, sql, again) => {
      const named = names(0, 5_000);
      segments.writeRun([
        { ids: packIds(named.slice(0, 4_000)), committedAtMs: 990 },
        { ids: packIds(named.slice(4_000)), committedAtMs: 1_000 },
      ]);
      segments.writeRun([{ ids: packIds(names(5_000, 100)), committedAtMs: 2_000 }]);
      expect(countOf(sql, "id_runs")).toBe(2);
      expect(countOf(sql, "id_pages")).toBe(Math.ceil(5_000 / 1_024) + 1);
      for (const one of [segments, again()]) {
        expect(one.knownInRuns(packIds(named), 0)).toHaveLength(5_000);
        expect(one.knownInRuns(packIds(names(5_100, 1_000)), 0)).toEqual([]);
        expect(one.knownInRuns(packIds(["x", "m-17", "y", "m-5099", "m-17"]), 0)).toEqual([1, 3, 4]);
        // Only runs that may hold an id of that time or later are read.
        expect(one.knownInRuns(packIds(["m-0", "m-5000"]), 1_500)).toEqual([1]);
        expect(one.looseSinceMs).toBe(2_000);
        expect(one.find(packIds(["m-1"]))).toEqual({ committedAtMs: 990, flushedAtMs: 1_000 });
        expect(one.find(packIds(["x"]))).toBeNull();
      }
    }));

  it("write nothing for no ids", () =>
    withSegments((segments, sql) => {
      segments.writeRun([]);
      segments.writeRun([{ ids: new Uint8Array(0), committedAtMs: 1 }]);
      expect(countOf(sql, "id_runs")).toBe(0);
      expect(segments.looseSinceMs).toBeNull();
    }));

  it("keep a run for the whole window, and no longer", () =>
    withSegments((segments, sql) => {
      segments.writeRun([{ ids: packIds(["first"]), committedAtMs: 1_000 }]);
      segments.forgetExpired(1_000 + LIMITS.dedupeWindowMs + FORGET_LATE_MS);
      expect(segments.knownInRuns(packIds(["first"]), 0)).toEqual([0]);
      segments.forgetExpired(1_001 + LIMITS.dedupeWindowMs + FORGET_LATE_MS);
      expect(segments.knownInRuns(packIds(["first"]), 0)).toEqual([]);
      expect(countOf(sql, "id_pages")).toBe(0);
    }));

  it("accept more ids at a time than one value in storage holds", () =>
    withSegments((segments) => {
      const ids = randomIds(400_000);
      segments.writeRun([{ ids, committedAtMs: 1 }]);
      expect(segments.knownInRuns(ids.subarray(0, 8), 0)).toEqual([0]);
      expect(segments.knownInRuns(ids.subarray(-8), 0)).toEqual([0]);
    }));
});

describe("many runs", () => {
  /** Writes this many runs, each with two named ids. */
  function fillRuns(segments: Segments, runs: number, idsEach: number): void {
    for (let run = 0; run < runs; run++) {
      const named = packIds([`first-${run}`, `last-${run}`]);
      segments.writeRun([
        { ids: named, committedAtMs: run * 1_000 },
        { ids: randomIds(idsEach), committedAtMs: run * 1_000 + 1 },
      ]);
      mergeAll(segments);
    }
  }

  it("are merged into few, and every id is still found", () =>
    withSegments((segments, sql, again) => {
      fillRuns(segments, 40, 3_000);
      expect(countOf(sql, "id_runs")).toBeLessThanOrEqual(RUNS_MAX);
      const ids = packIds(Array.from({ length: 40 }, (_, run) => [`first-${run}`, `last-${run}`]).flat());
      for (const one of [segments, again()]) expect(one.knownInRuns(ids, 0)).toHaveLength(80);
      expect(Number(sql.exec("SELECT sum(length(ids)) AS n FROM id_pages").one().n)).toBe(40 * 3_002 * ID_HASH_BYTES);
    }));

  it("are searched at every step of a merge, also by an object that restarted in its middle", () =>
    withSegments((segments, _sql, again) => {
      for (let run = 0; run <= RUNS_MAX; run++) {
        segments.writeRun([
          { ids: packIds([`in-${run}`]), committedAtMs: run },
          { ids: randomIds(20_000), committedAtMs: run },
        ]);
      }
      const ids = packIds(Array.from({ length: RUNS_MAX + 1 }, (_, run) => `in-${run}`));
      let one = segments;
      let steps = 0;
      for (; one.hasMergeToDo; steps++) {
        one.mergeSlice();
        expect(one.knownInRuns(ids, 0)).toHaveLength(RUNS_MAX + 1);
        one.forgetExpired(1_000);
        one = again();
        expect(one.knownInRuns(ids, 0)).toHaveLength(RUNS_MAX + 1);
      }
      // Each step is a separate turn. No single step merges everything.
      expect(steps).toBeGreaterThan(4);
    }));

  it("need few row reads to look up a batch of old ids", () =>
    withSegments((segments, sql) => {
      const batch = randomIds(2_500);
      const rowsRead = () => {
        let read = 0;
        const counted = new Segments({
          exec: (query: string, ...bindings: unknown[]) => {
            const cursor = sql.exec(query, ...bindings);
            const rows = cursor.toArray();
            read += cursor.rowsRead;
            return { toArray: () => rows, one: () => rows[0] };
          },
        } as unknown as SqlStorage);
        counted.knownInRuns(batch, 0);
        return read;
      };
      fillRuns(segments, 150, 2_000);
      // A look-up for each id and each run, as in an earlier release, would be 375,000.
      expect(rowsRead()).toBeLessThan((RUNS_MAX + 1) * 2_500);
    }));
});
