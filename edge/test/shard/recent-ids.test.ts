// Tests the ids in memory: all newest ids are known, back to an exact time, within a budget.

import { hashId, ID_HASH_BYTES, packIds, TUNINGS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { SHARD_BOUNDS } from "../../src/shard/bounds.ts";
import { RecentIds } from "../../src/shard/recent-ids.ts";

const memoryOf = (dedupeMemoryIds: number) => ({ ...SHARD_BOUNDS, dedupeMemoryIds });
const names = (from: number, count: number) => Array.from({ length: count }, (_, i) => `m-${from + i}`);

describe("recent ids", () => {
  it("know the added ids and no others", () => {
    const recent = new RecentIds(Number.NEGATIVE_INFINITY);
    recent.add(packIds(names(0, 5_000)), 1);
    expect(recent.known(packIds(names(0, 5_000)))).toHaveLength(5_000);
    expect(recent.known(packIds(names(5_000, 5_000)))).toEqual([]);
    expect(recent.known(packIds(["x", "m-7", "y", "m-4999"]))).toEqual([1, 3]);
    expect(recent.known(new Uint8Array())).toEqual([]);
  });

  it("accept ids from the middle of a buffer", () => {
    const recent = new RecentIds(0);
    const packed = packIds(["a", "b", "c"]);
    recent.add(packed.subarray(ID_HASH_BYTES, 2 * ID_HASH_BYTES), 1);
    expect(recent.known(packed)).toEqual([1]);
  });

  it("accept a hash of zero, and a hash whose half is zero", () => {
    const recent = new RecentIds(0);
    const zero = new Uint8Array(ID_HASH_BYTES);
    const half = new Uint8Array([1, 2, 3, 4, 0, 0, 0, 0]);
    expect(recent.known(zero)).toEqual([]);
    recent.add(zero, 1);
    expect(recent.known(zero)).toEqual([0]);
    expect(recent.known(half)).toEqual([]);
    recent.add(half, 1);
    expect(recent.known(half)).toEqual([0]);
  });

  it("reaches back to its first day until a generation is forgotten, then exactly to the next", () => {
    const recent = new RecentIds(100, memoryOf(2_000));
    recent.add(packIds(names(0, 1_000)), 1_000);
    expect(recent.reachMs).toBe(100);
    recent.add(packIds(names(1_000, 1_000)), 2_000);
    expect(recent.reachMs).toBe(100);
    expect(recent.known(packIds(["m-0"]))).toEqual([0]);
    recent.add(packIds(names(2_000, 1_000)), 3_000);
    // The first thousand ids are evicted. All ids added at 2,000 or later are known.
    expect(recent.reachMs).toBe(2_000);
    expect(recent.known(packIds(["m-0"]))).toEqual([]);
    expect(recent.known(packIds(names(1_000, 2_000)))).toHaveLength(2_000);
  });

  it("stay within 32 MB for any number of ids", () => {
    const recent = new RecentIds(0);
    const ids = new Uint8Array(100_000 * ID_HASH_BYTES);
    for (let i = 0; i < 40; i++) {
      for (let at = 0; at < ids.byteLength; at += 65_536) crypto.getRandomValues(ids.subarray(at, at + 65_536));
      recent.add(ids, i);
      expect(recent.bytes).toBeLessThan(32_000_000);
    }
    expect(recent.known(ids)).toHaveLength(100_000);
    expect(TUNINGS.dedupeMemoryIds).toBe(1_000_000);
  });

  it("distinguish ids that share a slot", () => {
    const mask = 1_023;
    const slot = ({ high, low }: { high: number; low: number }) => (low ^ (high >>> 7)) & mask;
    const bySlot = new Map<number, string[]>();
    for (const name of names(0, 3_000))
      bySlot.set(slot(hashId(name)), [...(bySlot.get(slot(hashId(name))) ?? []), name]);
    const crowd = [...bySlot.values()].sort((a, b) => b.length - a.length)[0] as string[];
    expect(crowd.length).toBeGreaterThan(4);
    const recent = new RecentIds(0);
    const [last, ...others] = [...crowd].reverse() as [string, ...string[]];
    recent.add(packIds(others), 1);
    expect(recent.known(packIds([last]))).toEqual([]);
    expect(recent.known(packIds(others))).toHaveLength(others.length);
  });
});

describe("ids that were crafted to collide", () => {
  /** Ids that all hash to slot 0 of a table that uses the low bits of an id, as the previous release did. */
  function crafted(count: number): Uint8Array {
    const ids = new Uint8Array(count * ID_HASH_BYTES);
    const view = new DataView(ids.buffer);
    for (let i = 0; i < count; i++) {
      view.setUint32(i * ID_HASH_BYTES, i);
      view.setUint32(i * ID_HASH_BYTES + 4, ((i >>> 7) | ((i % 4_096) << 20)) >>> 0);
    }
    return ids;
  }

  it("cost no more than random ids", () => {
    const timeOf = (ids: Uint8Array) => {
      const recent = new RecentIds(0);
      const fromMs = performance.now();
      recent.add(ids, 1);
      expect(recent.known(ids)).toHaveLength(ids.byteLength / ID_HASH_BYTES);
      return performance.now() - fromMs;
    };
    const random = new Uint8Array(60_000 * ID_HASH_BYTES);
    for (let at = 0; at < random.byteLength; at += 65_536) crypto.getRandomValues(random.subarray(at, at + 65_536));
    timeOf(random);
    const randomMs = Math.max(5, timeOf(random));
    expect(timeOf(crafted(60_000))).toBeLessThan(20 * randomMs);
  });
});

describe("ids that are taken back", () => {
  it("are not known, and all others still are, however they lie", () => {
    const recent = new RecentIds(0, memoryOf(4_000));
    const all = names(0, 3_000);
    for (let start = 0; start < all.length; start += 100) recent.add(packIds(all.slice(start, start + 100)), start);
    const gone = all.filter((_, index) => index % 3 === 0);
    recent.remove(packIds(gone));
    recent.remove(packIds(["never there"]));
    expect(recent.known(packIds(gone))).toEqual([]);
    expect(recent.known(packIds(all.filter((_, index) => index % 3 !== 0)))).toHaveLength(2_000);
    recent.add(packIds(gone), 5_000);
    expect(recent.known(packIds(gone))).toHaveLength(gone.length);
  });
});
