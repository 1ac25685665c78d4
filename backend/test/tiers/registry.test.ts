// Tests the registry of messages: its table, and its order under contention and after a loss of memory.

import { DeleteItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { type EnrichedEvent, hashId, packIds, TABLES } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { forEachId, IdTable } from "../../src/tiers/registry/id-table.ts";
import { MessageRegistry } from "../../src/tiers/registry/registry.ts";
import { firstCopyFromMs, maySuspect } from "../../src/tiers/suspect.ts";
import { copyOf, enrichedEvent, freshName, runOf } from "./events.ts";
import { openStores, type TierStores } from "./stores.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

const open = (nowMs: () => number = Date.now) =>
  new MessageRegistry({ dynamodb: stores.dynamodb, table: TABLES.ledger, namespace: "test#", nowMs });

describe("the table of ids", () => {
  it("keeps the first owner of each id beyond its initial size, and replaces it only on request", () => {
    const table = new IdTable();
    const ids = Array.from({ length: 5_000 }, (_, index) => `id-${index}`);
    forEachId(packIds(ids), (high, low, index) => table.set(high, low, index, false));
    for (const [index, id] of ids.entries()) {
      const { high, low } = hashId(id);
      table.set(high, low, index + 1, false);
      expect(table.get(high, low)).toBe(index);
      table.set(high, low, index + 1, true);
      expect(table.get(high, low)).toBe(index + 1);
    }
    expect(table.size).toBe(5_000);
    const other = hashId("never");
    expect(table.get(other.high, other.low)).toBeUndefined();
  });
});

describe("claim", () => {
  it("gives each message to exactly one of many concurrent consumers", async () => {
    const project = freshName("p");
    const shards = Array.from({ length: 6 }, () => freshName("shardId"));
    const originals = runOf({ project, rawShard: shards[0] ?? "", count: 60 });
    const claims = await Promise.all(
      shards.map(async (rawShard) => {
        const registry = open();
        const own: string[] = [];
        const events = originals.map((event, place) => copyOf(event, rawShard, place));
        for (let start = 0; start < events.length; start += 10) {
          const some = events.slice(start, start + 10);
          const copies = await registry.claim(project, some);
          own.push(...some.filter((event) => !copies.has(event)).map((event) => event.messageId));
        }
        return own;
      }),
    );
    expect(claims.flat().toSorted()).toEqual(originals.map((event) => event.messageId).toSorted());
  });

  it("returns the same answer for every repetition", async () => {
    const project = freshName("p");
    const events = runOf({ project, rawShard: freshName("shardId"), count: 10 });
    const other = freshName("shardId");
    const copies = events.map((event, place) => copyOf(event, other, place));
    const registry = open();
    expect((await registry.claim(project, events)).size).toBe(0);
    for (const asked of [registry, open(), registry]) {
      expect((await asked.claim(project, copies)).size).toBe(10);
      expect((await asked.claim(project, events.slice(0, 4))).size).toBe(0);
      expect((await asked.claim(project, events)).size).toBe(0);
    }
  });

  it("restarts at the end of the log when its memory is old, even if all entries expired", async () => {
    const project = freshName("p");
    let nowMs = Date.now();
    const [first, second] = [open(() => nowMs), open(() => nowMs)];
    await first.claim(project, runOf({ project, rawShard: "s", count: 3 }));
    nowMs += 30 * HOUR_MS;
    await expire(project);
    const at = (count: number, from: number): EnrichedEvent[] =>
      runOf({ project, rawShard: "s", count, first: from, fields: { receivedAtMs: nowMs, timeMs: nowMs - 100 } });
    await second.claim(project, at(2, 10));
    const events = at(2, 20);
    await first.claim(project, events);
    const copies = events.map((event, place) => copyOf(event, "t", place));
    expect((await second.claim(project, copies)).size).toBe(2);
  });

  async function expire(project: string): Promise<void> {
    const query = new QueryCommand({
      TableName: TABLES.ledger,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": { S: `test#${project}#ids` } },
    });
    for (const { pk, sk } of (await stores.dynamodb.send(query)).Items ?? []) {
      if (pk === undefined || sk === undefined) continue;
      await stores.dynamodb.send(new DeleteItemCommand({ TableName: TABLES.ledger, Key: { pk, sk } }));
    }
  }
});

describe("suspects", () => {
  const nowMs = Date.UTC(2026, 10, 25, 12);
  const event = (fields: Partial<EnrichedEvent>) =>
    enrichedEvent({ project: "p", rawShard: "s", receivedAtMs: nowMs, timeMs: nowMs - 100, ...fields });

  it("are the marked events and the events that are read late", () => {
    expect(maySuspect(event({}), nowMs + 500)).toBe(false);
    expect(maySuspect(event({ suspect: true }), nowMs + 500)).toBe(true);
    expect(maySuspect(event({}), nowMs + 15_000)).toBe(true);
    expect(maySuspect(event({ timeMs: nowMs - 60_000 }), nowMs)).toBe(true);
    expect(maySuspect(event({ timeMs: nowMs + HOUR_MS }), nowMs + 15_000)).toBe(true);
  });

  it.each([
    ["its own time, minus the tolerated skew", { timeMs: nowMs - 10 * MINUTE_MS }, nowMs - 16 * MINUTE_MS],
    ["its receipt, if its time is a little in the future", { timeMs: nowMs + MINUTE_MS }, nowMs - 6 * MINUTE_MS],
    [
      "the start of the deduplication window, if its time is far in the future",
      { timeMs: nowMs + HOUR_MS },
      nowMs - 24 * HOUR_MS,
    ],
    [
      "the start of the deduplication window, if its time is long past",
      { timeMs: nowMs - 72 * HOUR_MS },
      nowMs - 24 * HOUR_MS,
    ],
  ])("have a possible first copy from %s on", (_name, fields, fromMs) => {
    expect(firstCopyFromMs(event(fields))).toBe(fromMs);
  });
});
