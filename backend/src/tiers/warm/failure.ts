// Distinguishes rows that the database refuses for their values from faults of the database. Pure.

import { type EnrichedEvent, FAILED_PAYLOAD_CHARS, FAILURES, type FailedEvent } from "@behaviour/contract";
import { originShard } from "../../stream/shard-name.ts";

/**
 * SQLSTATE classes that the same row causes again: data exceptions, integrity violations, program limits (an index entry that
 * is too large, a nesting that is too deep). Our own code throws a RangeError for a time that no date can hold.
 */
const POISON_CLASSES = new Set(["22", "23", "54"]);

export function isPoison(fault: unknown): boolean {
  if (fault instanceof RangeError) return true;
  return POISON_CLASSES.has(sqlStateOf(fault)?.slice(0, 2) ?? "");
}

function sqlStateOf(fault: unknown): string | undefined {
  if (!(fault instanceof Error) || fault.name !== "PostgresError") return undefined;
  const { code } = fault as Error & { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** The reason has the database's code and never its message, which quotes the value. */
export function unstorable(event: EnrichedEvent, fault: unknown, nowMs: number): FailedEvent {
  const payload = JSON.stringify(event);
  return {
    // A redriven event gets the same id, because it is the same failure.
    id: `warm-${originShard(event.rawShard)}-${event.position}`,
    project: event.project,
    messageId: event.messageId,
    code: "unstorable",
    message: `${FAILURES.unstorable} (${sqlStateOf(fault) ?? "a time out of range"})`,
    pointer: null,
    stage: "warm",
    failedAtMs: nowMs,
    receivedAtMs: event.receivedAtMs,
    payload: payload.slice(0, FAILED_PAYLOAD_CHARS),
    payloadCut: payload.length > FAILED_PAYLOAD_CHARS,
  };
}
