// Reaches one shard of a project as the Worker does, and looks into it where a test must.

import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { compressMember, packIds } from "@behaviour/contract";
import { expect, vi } from "vitest";
import { LEDGER_STATES, outcomeCode } from "../../src/consent/table.ts";
import { packAppends } from "../../src/shard/append-call.ts";
import { shardName } from "../../src/shard/placement.ts";
import type { AppendAnswer, AppendInput, BufferShard } from "../../src/shard/shard.ts";

export type ShardStub = DurableObjectStub<BufferShard>;

/** The shard of callers without a continent. A fault breaks a stub for good: take a new one after each. */
export function shardOf(project: string, index = 0): ShardStub {
  return env.SHARD.get(env.SHARD.idFromName(shardName(project, "na", index)));
}

/** One append alone, as a request makes it when nobody else is about. */
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

/** What the Worker sends for some messages: one line, whose envelope the shard never opens. */
export function appendInput(ids: readonly string[], options: AppendOptions = {}): AppendInput {
  const line = encoder.encode(`${JSON.stringify({ ids })}${" ".repeat(options.padding ?? 0)}\n`);
  const compressed = options.compressed ?? false;
  return {
    ids: packIds(ids),
    receivedAtMs: Date.now(),
    oldestMs: options.oldestMs ?? Date.now(),
    data: compressed ? compressMember(line) : line,
    compressed,
    // Whatever the ledger says, every event is accepted.
    claim: {
      tables: new Uint8Array(LEDGER_STATES).fill(outcomeCode("accept")),
      tableOf: new Uint8Array(ids.length),
      packedAs: new Uint8Array(ids.length).fill(outcomeCode("accept")),
      subjects: null,
    },
    rate: { keyId: options.keyId ?? "key", eventsPerSecond: options.eventsPerSecond ?? 1_000_000 },
  };
}

export interface StoredRow {
  seq: number;
  boot: string;
  frame: Uint8Array;
  ids: Uint8Array;
}

export function storedRows(project: string): Promise<StoredRow[]> {
  return runInDurableObject(shardOf(project), (_shard, state) =>
    state.storage.sql
      .exec<{ seq: number; boot: string; frame: ArrayBuffer; ids: ArrayBuffer }>("SELECT * FROM rows ORDER BY seq")
      .toArray()
      .map(({ seq, boot, frame, ids }) => ({ seq, boot, frame: new Uint8Array(frame), ids: new Uint8Array(ids) })),
  );
}

/** All objects of this test file lose their memory at once, with timers and whatever is under way. */
export async function loseMemory(): Promise<void> {
  await abortAllDurableObjects();
}

/** Runs the shard's alarm by hand; true when one stood. */
export function runAlarm(project: string): Promise<boolean> {
  return runDurableObjectAlarm(shardOf(project));
}

/** Waits until everything has left the shard. */
export async function untilFlushed(project: string): Promise<void> {
  await vi.waitFor(async () => expect(await storedRows(project)).toEqual([]), { timeout: 15_000, interval: 25 });
}
