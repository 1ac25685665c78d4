// Calls one shard of a project as the Worker does, and reads its storage if a test needs it.

import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { compressMember, packIds } from "@behaviour/contract";
import { expect, vi } from "vitest";
import { LEDGER_STATES, outcomeCode } from "../../src/consent/table.ts";
import { shardName } from "../../src/placement/shard-name.ts";
import type { AppendAnswer, AppendInput } from "../../src/shard/append.ts";
import { packAppends } from "../../src/shard/append-call.ts";
import type { BufferShard } from "../../src/shard/shard.ts";

export type ShardStub = DurableObjectStub<BufferShard>;

/** The shard of callers without a continent. A fault breaks a stub permanently, so take a new stub after each fault. */
export function shardOf(project: string, index = 0): ShardStub {
  return env.SHARD.get(env.SHARD.idFromName(shardName(project, "na", index)));
}

/** Sends one append alone, like a request without concurrent requests. */
export async function append(project: string, input: AppendInput): Promise<AppendAnswer> {
  return (await shardOf(project).append2(packAppends([input])))[0] as AppendAnswer;
}

const encoder = new TextEncoder();

export interface AppendOptions {
  /** Epoch milliseconds; now by default. */
  oldestMs?: number;
  compressed?: boolean;
  /** Blanks at the end of the line. */
  padding?: number;
  keyId?: string;
  eventsPerSecond?: number;
}

/** The Worker's append for some messages: one line, whose envelope the shard never opens. */
export function appendInput(ids: readonly string[], options: AppendOptions = {}): AppendInput {
  const line = encoder.encode(`${JSON.stringify({ ids })}${" ".repeat(options.padding ?? 0)}\n`);
  const compressed = options.compressed ?? false;
  return {
    ids: packIds(ids),
    receivedAtMs: Date.now(),
    oldestMs: options.oldestMs ?? Date.now(),
    data: compressed ? compressMember(line) : line,
    compressed,
    // Every event is accepted, for any state of the ledger.
    claim: {
      tables: new Uint8Array(LEDGER_STATES).fill(outcomeCode("accept")),
      tableOf: new Uint8Array(ids.length),
      packedAs: new Uint8Array(ids.length).fill(outcomeCode("accept")),
      subjects: null,
    },
    rate: { keyId: options.keyId ?? "key", eventsPerSecond: options.eventsPerSecond ?? 1_000_000, shards: 1 },
  };
}

export interface StoredRow {
  seq: number;
  boot: string;
  frame: Uint8Array;
  ids: Uint8Array;
}

/** The waiting rows, oldest first. The tables may also contain rows that were sent. */
export function storedRows(project: string): Promise<StoredRow[]> {
  return rowsOf(shardOf(project));
}

export function rowsOf(shard: ShardStub): Promise<StoredRow[]> {
  return runInDurableObject(shard, (_shard, { storage: { sql } }) => {
    const rows: StoredRow[] = [];
    for (const table of tablesOfRows(sql)) {
      for (const row of sql.exec<{ seq: number; boot: string; frame: ArrayBuffer; ids: ArrayBuffer }>(
        `SELECT seq, boot, frame, ids FROM ${table} ORDER BY seq`,
      )) {
        rows.push({ ...row, frame: new Uint8Array(row.frame), ids: new Uint8Array(row.ids) });
      }
    }
    const waiting = waitingSeqs(sql);
    return rows.filter(({ seq }) => waiting(seq));
  });
}

export function tablesOfRows(sql: SqlStorage): string[] {
  return sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'rows_[0-9]*'")
    .toArray()
    .map(({ name }) => name)
    .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
}

/** According to the disk: rows up to `seq` are sent except the listed ranges, and later rows are not sent. */
function waitingSeqs(sql: SqlStorage): (seq: number) => boolean {
  const stored = sql.exec<{ state: string }>("SELECT state FROM shard_state").toArray()[0];
  if (stored === undefined) return () => true;
  const state = JSON.parse(stored.state) as { seq: number; waiting: [number, number][] };
  return (seq) => seq > state.seq || state.waiting.some(([from, to]) => seq >= from && seq <= to);
}

/** All objects of this test file lose their memory at the same time, including timers and work in progress. */
export async function loseMemory(): Promise<void> {
  await abortAllDurableObjects();
}

/** Runs the shard's alarm. Resolves to true if an alarm was set. */
export function runAlarm(project: string): Promise<boolean> {
  return runDurableObjectAlarm(shardOf(project));
}

/** Waits until no row of the shard is waiting. */
export async function untilFlushed(project: string): Promise<void> {
  await vi.waitFor(async () => expect(await storedRows(project)).toEqual([]), { timeout: 15_000, interval: 25 });
}
