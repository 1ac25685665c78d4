// Decides whether a minute of a project adds up at every hop (I9). Pure, except for the count that alerting queries.
//
//   edge       accepted ≤ received − redelivered
//   processor  received = processed + failed + redelivered
//   tiers      processed = loaded + copies (+ failed in warm)
//
// Missing events may still be in flight. They are an imbalance when the settle time has passed since the last change.

import type { Sql } from "../database/client.ts";
import { boundInstant } from "../query/window.ts";

const MINUTE_MS = 60_000;
/** Healthy tiers hold every event within seconds. A restart of a tier takes a minute. */
const SETTLE_MS = 5 * MINUTE_MS;
/** The hot tier keeps events for 48 hours, and accepts no event that is older than 47. */
export const HOT_COUNTED_MS = 46 * 60 * MINUTE_MS;

/** The events of a project's minute, as counted at every hop. */
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

/** The number of missing events at each hop. A surplus is negative. If all are zero, the minute adds up. */
export interface Differences {
  /** Accepted by the edge, but not read from the raw stream. Zero as long as no edge has reported its counts. */
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
 * Counts missing events only. A surplus has no meaning: the edge counts in memory, so a shard that crashes loses the counts of
 * its minute, and a retry that is not recognized is read as an event of its own.
 */
function edgeDifference({ edgeAccepted, received, redelivered }: FlowCounts): number {
  return edgeAccepted === null ? 0 : Math.max(0, edgeAccepted - (received - redelivered));
}

export function addsUp(differences: Differences): boolean {
  return Object.values(differences).every((difference) => difference === 0);
}

/** Whether every event in flight has had time to arrive. */
export function hasSettled(minuteMs: number, changedAtMs: number, nowMs: number): boolean {
  return Math.max(minuteMs + MINUTE_MS, changedAtMs) < nowMs - SETTLE_MS;
}

export interface Imbalance {
  minutes: number;
  oldestMs: number | null;
}

/** Counts the checked minutes of a project that do not add up after the settle time. */
export async function countImbalanced(sql: Sql, project: string, nowMs: number): Promise<Imbalance> {
  const settled = boundInstant(sql, nowMs - SETTLE_MS);
  const [row] = await sql<{ minutes: number; oldest: Date | null }[]>`
    select count(*)::int as minutes, min(minute) as oldest from flow_minute
    where project = ${project} and not balanced and checked_at is not null and changed_at < ${settled}
      and minute < ${boundInstant(sql, nowMs - SETTLE_MS - MINUTE_MS)}`;
  return { minutes: row?.minutes ?? 0, oldestMs: row?.oldest?.getTime() ?? null };
}
