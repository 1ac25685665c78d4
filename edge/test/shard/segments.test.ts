// Ids on disk: loose, merged into sorted runs, found in them, forgotten after their window. In a shard's own storage.

import { runInDurableObject } from "cloudflare:test";
import { LIMITS, packIds } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { SEGMENTS_SCHEMA, Segments, type WaitingIds } from "../../src/shard/segments.ts";
import { newProject } from "../keys.ts";
import { shardOf } from "./stub.ts";

const NOTHING_WAITS: WaitingIds = { idCount: 0, read: () => [] };
const names = (from: number, count: number) => Array.from({ length: count }, (_, i) => `m-${from + i}`);
const HOUR_MS = 3_600_000;

function withSegments<T>(use: (segments: Segments, sql: SqlStorage, again: () => Segments) => T): Promise<T> {
  return runInDurableObject(shardOf(newProject("segments")), (_shard, { storage }) => {
    storage.sql.exec(SEGMENTS_SCHEMA);
    return use(new Segments(storage.sql), storage.sql, () => new Segments(storage.sql));
  });
}

const RUN_IDS = 262_144;

/** Enough loose ids for a run, of which `names` are some. */
function fill(segments: Segments, named: readonly string[], nowMs: number): void {
  segments.add(packIds(named), nowMs - 10, nowMs);
  segments.add(crypto.getRandomValues(new Uint8Array(65_536)), nowMs - 5, nowMs);
  const rest = RUN_IDS - named.length - 8_192;
  for (let left = rest; left > 0; left -= 100_000) {
    const ids = new Uint8Array(Math.min(left, 100_000) * 8);
    for (let at = 0; at < ids.byteLength; at += 65_536) crypto.getRandomValues(ids.subarray(at, at + 65_536));
    segments.add(ids, nowMs - 5, nowMs);
  }
}

describe("segments", () => {
  it("loose ids are given back for memory, in order, also after a restart", () =>
    withSegments((segments, _sql, again) => {
      segments.add(packIds(["a", "b"]), 1, 2);
      segments.add(packIds(["c"]), 3, 4);
      for (const one of [segments, again()]) {
        expect([...one.loose()]).toEqual([
          { ids: packIds(["a", "b"]), committedAtMs: 1 },
          { ids: packIds(["c"]), committedAtMs: 3 },
        ]);
        expect(one.looseSinceMs).toBeNull();
        expect(one.find(packIds(["b"]))).toEqual({ committedAtMs: 1, flushedAtMs: 2 });
        expect(one.find(packIds(["x"]))).toBeNull();
        expect(one.knownInRuns(packIds(["a"]), 0)).toEqual([]);
      }
    }));

  it("merges once there are enough, and finds each in its run", () =>
    withSegments((segments, sql, again) => {
      const named = names(0, 5_000);
      fill(segments, named.slice(0, 4_000), 1_000);
      segments.mergeWhenLarge(NOTHING_WAITS, 0);
      expect(sql.exec("SELECT count(*) AS n FROM flushed_ids").one().n).toBe(0);
      fill(segments, named.slice(4_000), 2_000);
      segments.mergeWhenLarge(NOTHING_WAITS, 0);
      expect(sql.exec("SELECT count(*) AS n FROM id_runs").one().n).toBe(2);
      // One row for 512 ids.
      expect(Number(sql.exec("SELECT count(*) AS n FROM id_pages").one().n)).toBeLessThanOrEqual(
        2 * (RUN_IDS / 512 + 1),
      );
      for (const one of [segments, again()]) {
        expect(one.knownInRuns(packIds(named), 0)).toHaveLength(5_000);
        expect(one.knownInRuns(packIds(names(5_000, 1_000)), 0)).toEqual([]);
        expect(one.knownInRuns(packIds(["x", "m-17", "y"]), 0)).toEqual([1]);
        // Only runs that may hold an id as young as that are read.
        expect(one.knownInRuns(packIds(["m-0", "m-4999"]), 1_500)).toEqual([1]);
        expect(one.looseSinceMs).toBe(2_000);
        expect(one.find(packIds(["m-1"]))).toEqual({ committedAtMs: 990, flushedAtMs: 1_000 });
      }
    }));

  it("does not merge what is little", () =>
    withSegments((segments, sql) => {
      segments.add(packIds(names(0, 1_000)), 1, 2);
      expect(segments.mergeWhenLarge(NOTHING_WAITS, 3)).toBe(false);
      expect(sql.exec("SELECT count(*) AS n FROM id_runs").one().n).toBe(0);
    }));

  it("keeps a run for the whole window, and no longer", () =>
    withSegments((segments, sql) => {
      fill(segments, ["first"], 1_000);
      segments.mergeWhenLarge(NOTHING_WAITS, 0);
      segments.forgetExpired(1_000 + LIMITS.dedupeWindowMs);
      expect(segments.knownInRuns(packIds(["first"]), 0)).toEqual([0]);
      segments.forgetExpired(1_001 + LIMITS.dedupeWindowMs);
      expect(segments.knownInRuns(packIds(["first"]), 0)).toEqual([]);
      expect(sql.exec("SELECT count(*) AS n FROM id_pages").one().n).toBe(0);
    }));

  it("keeps loose ids for the window too, where a shard fell silent", () =>
    withSegments((segments) => {
      segments.add(packIds(["a"]), 1, 1_000);
      segments.forgetExpired(1_000 + LIMITS.dedupeWindowMs);
      expect([...segments.loose()]).toHaveLength(1);
      segments.forgetExpired(1_000 + LIMITS.dedupeWindowMs + 2 * HOUR_MS);
      expect([...segments.loose()]).toEqual([]);
    }));

  it("takes more ids at once than one value in storage holds", () =>
    withSegments((segments) => {
      const ids = new Uint8Array(400_000 * 8);
      for (let at = 0; at < ids.byteLength; at += 65_536) crypto.getRandomValues(ids.subarray(at, at + 65_536));
      segments.add(ids, 1, 2);
      segments.mergeWhenLarge(NOTHING_WAITS, 0);
      expect(segments.knownInRuns(ids.subarray(0, 8), 0)).toEqual([0]);
      expect(segments.knownInRuns(ids.subarray(-8), 0)).toEqual([0]);
    }));
});
