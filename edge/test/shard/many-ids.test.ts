// Tests a busy shard, which sees millions of ids a day and has 128 MB. Its ids in memory stay within their budget, and a
// duplicate of the first message is still found. Ten million messages with `npm run chaos`, two million with `npm test`.

import { runInDurableObject } from "cloudflare:test";
import { ID_HASH_BYTES, TUNINGS } from "@behaviour/contract";
import { expect, inject, it } from "vitest";
import { RecentIds } from "../../src/shard/recent-ids.ts";
import { migrate } from "../../src/shard/schema.ts";
import { type RunPart, Segments } from "../../src/shard/segments.ts";
import { newProject } from "../keys.ts";
import { shardOf } from "./stub.ts";

const MESSAGES = inject("chaos") === "full" ? 10_000_000 : 2_000_000;
const FLUSH_IDS = 8_192;
const FLUSH_EVERY_MS = 100;
const MEMORY_BUDGET_BYTES = 32 * 1024 * 1024;

it(`${MESSAGES} messages leave at most 32 MiB of ids in memory, and the first is still known`, async () => {
  await runInDurableObject(shardOf(newProject("many")), (_shard, { storage }) => {
    migrate(storage);
    const segments = new Segments(storage.sql);
    const recent = new RecentIds(Number.NEGATIVE_INFINITY);
    const loose: RunPart[] = [];
    let first: Uint8Array | null = null;
    let largestBytes = 0;
    let nowMs = Date.now();
    const startedMs = nowMs;
    for (let sent = 0; sent < MESSAGES; sent += FLUSH_IDS) {
      const ids = crypto.getRandomValues(new Uint8Array(FLUSH_IDS * ID_HASH_BYTES));
      first ??= ids.slice(0, 100 * ID_HASH_BYTES);
      recent.add(ids, nowMs);
      nowMs += FLUSH_EVERY_MS;
      loose.push({ ids, committedAtMs: nowMs - FLUSH_EVERY_MS });
      if (loose.length * FLUSH_IDS >= TUNINGS.dedupeRunIds) segments.writeRun(loose.splice(0));
      if (segments.hasMergeToDo) segments.mergeSlice();
      largestBytes = Math.max(largestBytes, recent.bytes);
    }
    expect(largestBytes).toBeLessThan(MEMORY_BUDGET_BYTES);
    // Memory has evicted the first ids and knows that, and the disk has them. No unknown id is reported as known.
    expect(recent.known(first as Uint8Array)).toEqual([]);
    expect(recent.reachMs).toBeGreaterThan(startedMs);
    expect(segments.knownInRuns(first as Uint8Array, startedMs)).toHaveLength(100);
    const strangers = crypto.getRandomValues(new Uint8Array(1_000 * ID_HASH_BYTES));
    expect(recent.known(strangers)).toEqual([]);
    expect(segments.knownInRuns(strangers, startedMs)).toEqual([]);
    expect(TUNINGS.dedupeMemoryIds).toBeLessThanOrEqual(MESSAGES);
  });
}, 600_000);
