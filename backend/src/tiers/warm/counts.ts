// Counts what the warm tier did with events, by project and minute of receipt, in the load's transaction, for the reconciliation
// (../../reconcile). There is a row for each raw shard, so that two loads never wait for each other.

import type { EnrichedEvent } from "@behaviour/contract";
import type { TransactionSql } from "postgres";

const MINUTE_MS = 60_000;

export interface InsertedCount {
  project: string;
  minute_ms: number;
  events: number;
}

interface MinuteCount {
  project: string;
  minuteMs: number;
  loaded: number;
  copies: number;
}

/** Pure. @param fresh all events of the load @param inserted the events that became new rows */
export function countMinutes(
  fresh: readonly Pick<EnrichedEvent, "project" | "receivedAtMs">[],
  inserted: readonly InsertedCount[],
): MinuteCount[] {
  const counts = new Map<string, MinuteCount>();
  for (const { project, receivedAtMs } of fresh) {
    const minuteMs = Math.floor(receivedAtMs / MINUTE_MS) * MINUTE_MS;
    const name = `${minuteMs} ${project}`;
    const known = counts.get(name);
    if (known === undefined) counts.set(name, { project, minuteMs, loaded: 0, copies: 1 });
    else known.copies++;
  }
  for (const { project, minute_ms: minuteMs, events } of inserted) {
    const count = counts.get(`${minuteMs} ${project}`);
    if (count === undefined) throw new Error("rows were inserted that nobody asked for");
    count.loaded = events;
    count.copies -= events;
  }
  return [...counts.values()];
}

export async function addCounts(tx: TransactionSql, rawShard: string, counts: readonly MinuteCount[]): Promise<void> {
  await tx`
    insert into warm_count (project, minute, raw_shard, loaded, copies, failed)
    select project, to_timestamp(minute_ms / 1000), ${rawShard}, loaded, copies, 0
    from unnest(
      ${counts.map(({ project }) => project)}::text[],
      ${counts.map(({ minuteMs }) => minuteMs)}::float8[],
      ${counts.map(({ loaded }) => loaded)}::int[],
      ${counts.map(({ copies }) => copies)}::int[]
    ) as counted (project, minute_ms, loaded, copies)
    on conflict (project, minute, raw_shard)
    do update set loaded = warm_count.loaded + excluded.loaded, copies = warm_count.copies + excluded.copies`;
}

export async function addFailed(tx: TransactionSql, { project, rawShard, receivedAtMs }: EnrichedEvent): Promise<void> {
  const minuteMs = Math.floor(receivedAtMs / MINUTE_MS) * MINUTE_MS;
  await tx`
    insert into warm_count (project, minute, raw_shard, loaded, copies, failed)
    values (${project}, to_timestamp(${minuteMs / 1_000}::float8), ${rawShard}, 0, 0, 1)
    on conflict (project, minute, raw_shard) do update set failed = warm_count.failed + 1`;
}
