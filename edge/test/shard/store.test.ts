// What a shard keeps of events, and what it costs in rows; a disk that is full at any statement; an object that ends at any point.
// What was written is there in the next life, once; what failed is as if it had never come.

import { decodeFrame, ID_HASH_BYTES, LIMITS, packIds } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SHARD_BOUNDS } from "../../src/shard/bounds.ts";
import { type AcceptedMember, EventStore } from "../../src/shard/store.ts";
import { withStorage } from "./storage.ts";

afterEach(() => vi.useRealTimers());

const NAME = "p:na:0";
const MINUTE_MS = 60_000;
const encoder = new TextEncoder();

function member(ids: readonly string[], receivedAtMs: number = Date.now()): AcceptedMember {
  return { ids: packIds(ids), data: encoder.encode(`${JSON.stringify({ ids })}\n`), compressed: false, receivedAtMs };
}

function write(store: EventStore, ids: readonly string[]): void {
  const one = member(ids);
  store.remember(one.ids);
  store.write([one]);
}

/** Every row that waits, as sent. */
function waiting(store: EventStore) {
  return store.rows.next(
    { rows: 10_000, bytes: Number.POSITIVE_INFINITY, upToSeq: store.rows.lastSeq },
    new Set(),
    null,
  );
}

function send(store: EventStore, rows = waiting(store)) {
  store.markSent(rows);
  return rows.flatMap(({ frame }) => [...decodeFrame(frame)].map(({ value }) => value as Record<string, unknown>));
}

const idsOf = (lines: readonly Record<string, unknown>[]) => lines.flatMap((line) => (line.ids as string[]) ?? []);

describe("rows written", () => {
  it("are one per commit and one per flush, and almost none for dropped events", () =>
    withStorage((watched) => {
      const store = new EventStore(watched.storage, NAME);
      write(store, ["first"]);
      send(store);
      watched.rowsWritten = 0;
      write(store, ["a", "b"]);
      expect(watched.rowsWritten).toBe(1);
      store.countDrops([{ reason: "opt-in/analytics:default", events: 3 }]);
      store.count("suppressed", 3, Date.now());
      // Counts of what was dropped come with the next row, and cost none.
      write(store, ["c"]);
      expect(watched.rowsWritten).toBe(2);
      send(store);
      expect(watched.rowsWritten).toBe(3);
      watched.rowsWritten = 0;
      for (let i = 0; i < 9_000; i++) {
        write(store, [`m-${i}`]);
        if (i % 10 === 9) send(store);
      }
      // A log of 8,192 rows was dropped on the way, and its ids put into a run.
      expect(watched.rowsWritten).toBeLessThan(9_000 * 1.1 + 40);
    }));

  it("contain no sent events after the shard was idle for an hour", () =>
    withStorage((watched) => {
      const store = new EventStore(watched.storage, NAME);
      for (let i = 0; i < 20; i++) write(store, [`m-${i}`]);
      send(store);
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61 * MINUTE_MS });
      watched.rowsWritten = 0;
      store.maintain();
      expect(store.rows.isEmpty).toBe(true);
      expect(watched.rowsWritten).toBeLessThan(6);
      const next = new EventStore(watched.storage, NAME);
      expect(next.known(packIds(["m-0", "x", "m-19"]), 0)).toEqual([0, 2]);
    }));
});

describe("a restart of the object", () => {
  it("keeps exactly the waiting rows, for any order of sending", () =>
    withStorage((watched) => {
      let store = new EventStore(watched.storage, NAME);
      const waits = new Set<string>();
      for (let round = 0; round < 40; round++) {
        for (let i = 0; i < 7; i++) {
          const id = `r${round}-${i}`;
          write(store, [id]);
          waits.add(id);
        }
        const some = waiting(store).filter(() => Math.random() < 0.4);
        for (const id of idsOf(send(store, some))) waits.delete(id);
        if (round % 5 === 4) store = new EventStore(watched.storage, NAME);
        expect(
          new Set(
            idsOf(
              waiting(store).flatMap(({ frame }) =>
                [...decodeFrame(frame)].map((line) => line.value as Record<string, unknown>),
              ),
            ),
          ),
        ).toEqual(waits);
        expect(store.rows.count).toBe(waits.size);
      }
    }));

  it("neither loses nor doubles counts", () =>
    withStorage((watched) => {
      const startMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
      vi.useFakeTimers({ toFake: ["Date"], now: startMs });
      let store = new EventStore(watched.storage, NAME);
      const again = () => (store = new EventStore(watched.storage, NAME));
      write(store, ["a", "b"]);
      again();
      store.count("rejected", 5, Date.now());
      store.countDrops([{ reason: "opt-in/analytics:default", events: 3 }]);
      store.storeCounts();
      again();
      write(store, ["c"]);
      again();
      const lines = send(store);
      again();
      vi.setSystemTime(startMs + MINUTE_MS + 6_000);
      store.addFinishedCounts();
      again();
      store.addFinishedCounts();
      const counted = [...lines, ...send(store)].filter((line) => line.counters !== undefined);
      expect(counted).toMatchObject([
        { counters: { minuteMs: startMs, accepted: 3, duplicates: 0, rejected: 5, suppressed: 0 } },
      ]);
      store.storeCounts();
      store.storeCounts();
      again().storeCounts();
      expect(watched.storage.sql.exec("SELECT reason, events FROM drops").toArray()).toEqual([
        { reason: "opt-in/analytics:default", events: 3 },
      ]);
    }));
});

describe("a full disk", () => {
  /** What a shard does, each step a statement or more. @returns the ids it was told are stored. */
  function live(store: EventStore, onSent: (ids: string[]) => void): string[] {
    const stored: string[] = [];
    const attempt = (work: () => void) => {
      try {
        work();
        return true;
      } catch (fault) {
        expect(String(fault)).toContain("SQLITE_FULL");
        return false;
      }
    };
    for (let round = 0; round < 6; round++) {
      const ids = [`${round}-a`, `${round}-b`];
      if (attempt(() => write(store, ids))) stored.push(...ids);
      store.countDrops([{ reason: "r", events: 1 }]);
      attempt(() => store.storeCounts());
      if (round % 2 === 1) {
        const rows = waiting(store);
        if (attempt(() => store.markSent(rows))) {
          onSent(
            rows.flatMap(({ frame }) =>
              idsOf([...decodeFrame(frame)].map((line) => line.value as Record<string, unknown>)),
            ),
          );
        }
      }
    }
    return stored;
  }

  it("from any statement on, for a while or for good: nothing stored is lost, nothing refused is known", async () => {
    const bounds = { ...SHARD_BOUNDS, dedupeRunIds: 4 };
    for (const lasts of [1, 3, 1_000]) {
      for (let failFrom = 1; failFrom <= 40; failFrom++) {
        await withStorage((watched) => {
          const store = new EventStore(watched.storage, NAME, bounds);
          const sent: string[] = [];
          watched.writes = 0;
          const failing = watched as { failFrom: number | null };
          failing.failFrom = failFrom;
          const stop = failFrom + lasts;
          Object.defineProperty(watched, "failFrom", { get: () => (watched.writes >= stop ? null : failFrom) });
          const stored = live(store, (ids) => sent.push(...ids));
          Object.defineProperty(watched, "failFrom", { value: null });
          const all = Array.from({ length: 6 }, (_, round) => [`${round}-a`, `${round}-b`]).flat();
          for (const life of [store, new EventStore(watched.storage, NAME, bounds)]) {
            const left = waiting(life).flatMap(({ frame }) =>
              idsOf([...decodeFrame(frame)].map((line) => line.value as Record<string, unknown>)),
            );
            expect([...sent, ...left].sort(), `write ${failFrom} of ${lasts}`).toEqual([...stored].sort());
            const known = life.known(packIds(all), 0).map((index) => all[index] as string);
            expect(known.sort(), `write ${failFrom} of ${lasts}`).toEqual([...stored].sort());
          }
        });
      }
    }
  });

  it("is anticipated: new events are refused while draining can still write", () =>
    withStorage((watched) => {
      const bounds = { ...SHARD_BOUNDS };
      const store = new EventStore(watched.storage, NAME, bounds);
      write(store, ["a"]);
      expect(store.isFull).toBe(false);
      bounds.shardEventsDatabaseBytes = 1_000;
      expect(store.isFull).toBe(true);
      // Beyond the second mark not even counts are written on their own.
      bounds.shardDatabaseBytes = 1_000;
      watched.rowsWritten = 0;
      store.count("rejected", 1, Date.now());
      store.storeCounts();
      expect([store.isBrimful, watched.rowsWritten, store.hasCountsToStore]).toEqual([true, 0, true]);
      bounds.shardDatabaseBytes = SHARD_BOUNDS.shardDatabaseBytes;
      send(store);
      expect(store.rows.count).toBe(0);
    }));
});

describe("the largest row", () => {
  it("of one or several requests stays below the size limit of a row, including its other columns", () =>
    withStorage((watched) => {
      const store = new EventStore(watched.storage, NAME);
      const noise = (bytes: number) => {
        const data = new Uint8Array(bytes);
        for (let at = 0; at < bytes; at += 65_536)
          crypto.getRandomValues(data.subarray(at, Math.min(bytes, at + 65_536)));
        // A plausible size of what it unpacks to, where a member says it.
        data.fill(0, bytes - 4);
        return data;
      };
      const large = (idCount: number, bytes: number): AcceptedMember => ({
        ids: noise(idCount * ID_HASH_BYTES + 4).subarray(0, idCount * ID_HASH_BYTES),
        data: noise(bytes),
        compressed: true,
        receivedAtMs: Date.now(),
      });
      store.write([
        large(2_500, LIMITS.frameBytes),
        ...Array.from({ length: 60 }, () => large(2_500, 1_000)),
        large(2_500, LIMITS.rowFrameBytes - 1_000),
        ...Array.from({ length: 44 }, () => large(2_500, 10)),
      ]);
      const sizes = watched.storage.sql
        .exec<{ bytes: number }>(
          "SELECT length(frame) + length(ids) + length(counts) + length(boot) AS bytes FROM rows_1",
        )
        .toArray();
      expect(sizes.length).toBeGreaterThan(2);
      for (const { bytes } of sizes) expect(bytes).toBeLessThan(2_000_000 - 64 * 1_024);
    }));
});
