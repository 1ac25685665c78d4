// Calls the ledger objects of a project as the Worker does, and makes them fail if a test needs it.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { homeName, homeOfTopic, type IdKind, LedgerIds, topicOf } from "../../src/ledger/entry.ts";
import type { ConsentLedger } from "../../src/ledger/home.ts";
import type { ConsentRecord } from "../../src/ledger/standing.ts";
import { BufferShard } from "../../src/shard/shard.ts";

export function entryOf(project: string, kind: IdKind, id: string): Uint8Array {
  return (LedgerIds.of(project, env.LEDGER_SECRET) as LedgerIds).entry(kind, id);
}

export function homeAt(project: string, home: number): DurableObjectStub<ConsentLedger> {
  return env.LEDGER.get(env.LEDGER.idFromName(homeName(project, home)));
}

export function homeOf(project: string, kind: IdKind, id: string): DurableObjectStub<ConsentLedger> {
  return homeAt(project, homeOfTopic(topicOf(entryOf(project, kind, id))));
}

/** Runs the alarm of the ledger object of an id. Resolves to true if an alarm was set. */
export function runHomeAlarm(project: string, kind: IdKind, id: string): Promise<boolean> {
  return runDurableObjectAlarm(homeOf(project, kind, id));
}

export function refusal(record: string, change: Partial<ConsentRecord> = {}): ConsentRecord {
  const nowMs = Date.now();
  return {
    record,
    recordedAtMs: nowMs,
    occurredAtMs: nowMs,
    purposes: { analytics: "denied" },
    method: "test",
    noticeVersion: null,
    ...change,
  };
}

/** The name of the object whose method is called. */
function nameOf(object: unknown): string {
  return (object as { ctx: DurableObjectState }).ctx.id.name as string;
}

/** Shards whose name contains `part` accept nothing from the ledger until `restore` is called. */
export function unreachable(part: string): { restore(): void; calls: string[] } {
  const calls: string[] = [];
  const { applyConsent } = BufferShard.prototype;
  const spy = vi.spyOn(BufferShard.prototype, "applyConsent").mockImplementation(async function (
    this: BufferShard,
    token,
    standings,
  ) {
    calls.push(nameOf(this));
    if (nameOf(this).includes(part)) throw new Error("unreachable");
    return applyConsent.call(this, token, standings);
  });
  return { restore: () => spy.mockRestore(), calls };
}
