// Whether a minute of a project adds up at every hop (I9). Pure, save for the count that alerting asks for.
//
//   edge       accepted ≤ received − redelivered
//   processor  received = processed + failed + redelivered
//   tiers      processed = loaded + copies (+ failed in warm)
//
// What is missing may be under way; it is an imbalance once the settle time has passed since anything changed.

import type { Sql } from "../database/client.ts";
import { boundInstant } from "../query/window.ts";

const MINUTE_MS = 60_000;
/** Tiers that are well hold everything within seconds; a restart of one takes a minute. */
const SETTLE_MS = 5 * MINUTE_MS;
/** The hot tier forgets after 48 hours, and takes nothing that is older than 47. */
export const HOT_COUNTED_MS = 46 * 60 * MINUTE_MS;

/** A project's minute, as counted at every hop. Counts of events. */
export interface FlowCounts {
  edgeAccepted: number | null;
  edgeRejected: number | null;
  edgeSuppressed: number | null;
  edgeDuplicates: number | null;
  received: number;
  processed: number;
  failed: number;
  redelivered: number;
  repeated: number;
  hotLoaded: number;
  hotCopies: number;
  warmLoaded: number;
  warmCopies: number;
  warmFailed: number;
  coldLoaded: number;
  coldCopies: number;
}

/** By hop, how many events are missing there; a surplus is negative. All zero: the minute adds up. */
export interface Differences {
  /** Accepted by the edge, not out of the raw stream. Zero as long as no edge says what it accepted. */
  edge: number;
  process: number;
  hot: number;
  warm: number;
  cold: number;
}

/** @param hotCounts false once the hot tier may have forgotten the minute */
export function differencesOf(counts: FlowCounts, hotCounts: boolean): Differences {
  return {
    edge: edgeDifference(counts),
    process: counts.received - counts.processed - counts.failed - counts.redelivered,
    hot: hotCounts ? counts.processed - counts.hotLoaded - counts.hotCopies : 0,
    warm: counts.processed - counts.warmLoaded - counts.warmCopies - counts.warmFailed,
    cold: counts.processed - counts.coldLoaded - counts.coldCopies,
  };
}

/**
 * Only what is missing: a surplus is nothing to be judged by. The edge counts in memory, so a shard that dies takes the counts
 * of its minute with it, and a second try that nobody recognised as one comes out as an event of its own.
 */
function edgeDifference({ edgeAccepted, received, redelivered }: FlowCounts): number {
  return edgeAccepted === null ? 0 : Math.max(0, edgeAccepted - (received - redelivered));
}

export function addsUp(differences: Differences): boolean {
  return Object.values(differences).every((difference) => difference === 0);
}

/** Whether everything that is under way has had time to arrive. */
export function hasSettled(minuteMs: number, changedAtMs: number, nowMs: number): boolean {
  return Math.max(minuteMs + MINUTE_MS, changedAtMs) < nowMs - SETTLE_MS;
}

export interface Imbalance {
  minutes: number;
  oldestMs: number | null;
}

/** Minutes of a project that were looked at, don't add up, and had time to. */
export async function countImbalanced(sql: Sql, project: string, nowMs: number): Promise<Imbalance> {
  const settled = boundInstant(sql, nowMs - SETTLE_MS);
  const [row] = await sql<{ minutes: number; oldest: Date | null }[]>`
    select count(*)::int as minutes, min(minute) as oldest from flow_minute
    where project = ${project} and not balanced and checked_at is not null and changed_at < ${settled}
      and minute < ${boundInstant(sql, nowMs - SETTLE_MS - MINUTE_MS)}`;
  return { minutes: row?.minutes ?? 0, oldestMs: row?.oldest?.getTime() ?? null };
}
