// Stores the reconciliation's minutes in Postgres. The counts of hops that pass events on are added in one transaction with the
// checkpoint of the read. The counts of a tier are read again and replaced.

import type { Sql } from "../database/client.ts";
import { boundInstant } from "../query/window.ts";
import type { FlowCounts } from "./balance.ts";
import type { FlowCount } from "./ingest.ts";

export type Hop = "process" | "cold";

export async function readCheckpoints(sql: Sql, hop: Hop): Promise<Map<string, string>> {
  const rows = await sql<{ raw_shard: string; position: string }[]>`
    select raw_shard, position from flow_checkpoint where hop = ${hop}`;
  return new Map(rows.map(({ raw_shard, position }) => [raw_shard, position]));
}

export interface Advance {
  hop: Hop;
  rawShard: string;
  /** The checkpoint as it was read; absent if there was none. */
  before: string | undefined;
  after: string;
}

/** @returns false when another run was faster: nothing was added. */
export async function addProcessed(
  sql: Sql,
  advance: Advance,
  counts: readonly FlowCount[],
  nowMs: number,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    if (!(await moveCheckpoint(tx as unknown as Sql, advance))) return false;
    if (counts.length === 0) return true;
    await tx`
      insert into flow_minute (project, minute, received, processed, failed, redelivered, repeated, changed_at)
      select project, to_timestamp(minute_ms / 1000), processed + failed + redelivered, processed, failed, redelivered,
        repeated, ${boundInstant(sql, nowMs)}
      from unnest(
        ${counts.map(({ project }) => project)}::text[],
        ${counts.map(({ minuteMs }) => minuteMs)}::float8[],
        ${counts.map(({ processed }) => processed)}::bigint[],
        ${counts.map(({ failed }) => failed)}::bigint[],
        ${counts.map(({ redelivered }) => redelivered)}::bigint[],
        ${counts.map(({ repeated }) => repeated)}::bigint[]
      ) as counted (project, minute_ms, processed, failed, redelivered, repeated)
      on conflict (project, minute) do update set
        received = flow_minute.received + excluded.received,
        processed = flow_minute.processed + excluded.processed,
        failed = flow_minute.failed + excluded.failed,
        redelivered = flow_minute.redelivered + excluded.redelivered,
        repeated = flow_minute.repeated + excluded.repeated,
        changed_at = excluded.changed_at,
        balanced = false`;
    return true;
  });
}

export interface ColdMinute {
  project: string;
  minuteMs: number;
  loaded: number;
  copies: number;
}

/** @returns false when another run was faster: nothing was added. */
export async function addCold(
  sql: Sql,
  advance: Advance,
  counts: readonly ColdMinute[],
  nowMs: number,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    if (!(await moveCheckpoint(tx as unknown as Sql, advance))) return false;
    await tx`
      insert into flow_minute (project, minute, cold_loaded, cold_copies, changed_at)
      select project, to_timestamp(minute_ms / 1000), sum(loaded), sum(copies), ${boundInstant(sql, nowMs)}
      from unnest(
        ${counts.map(({ project }) => project)}::text[],
        ${counts.map(({ minuteMs }) => minuteMs)}::float8[],
        ${counts.map(({ loaded }) => loaded)}::bigint[],
        ${counts.map(({ copies }) => copies)}::bigint[]
      ) as counted (project, minute_ms, loaded, copies)
      group by project, minute_ms
      on conflict (project, minute) do update set
        cold_loaded = flow_minute.cold_loaded + excluded.cold_loaded,
        cold_copies = flow_minute.cold_copies + excluded.cold_copies,
        balanced = false`;
    return true;
  });
}

async function moveCheckpoint(tx: Sql, { hop, rawShard, before, after }: Advance): Promise<boolean> {
  const { count } =
    before === undefined
      ? await tx`insert into flow_checkpoint (hop, raw_shard, position) values (${hop}, ${rawShard}, ${after})
          on conflict do nothing`
      : await tx`update flow_checkpoint set position = ${after}
          where hop = ${hop} and raw_shard = ${rawShard} and position = ${before}`;
  return count === 1;
}

export interface OpenMinute extends FlowCounts {
  project: string;
  minuteMs: number;
  /** The time when a hop before the tiers last counted for this minute. */
  changedAt: Date;
}

/** Minutes that do not add up yet, and all recent minutes, oldest first. */
export async function openMinutes(sql: Sql, fromMs: number, recentMs: number, limit: number): Promise<OpenMinute[]> {
  return sql<OpenMinute[]>`
    select project, (extract(epoch from minute) * 1000)::float8 as "minuteMs", changed_at as "changedAt",
      ${countColumns(sql)}
    from flow_minute
    where minute >= ${boundInstant(sql, fromMs)} and (not balanced or minute >= ${boundInstant(sql, recentMs)})
    order by minute, project limit ${limit}`;
}

/** From inclusive, to exclusive; newest first. */
export async function listMinutes(
  sql: Sql,
  project: string,
  fromMs: number,
  toMs: number,
  limit: number,
): Promise<(OpenMinute & { checkedAt: Date | null })[]> {
  return sql<(OpenMinute & { checkedAt: Date | null })[]>`
    select project, (extract(epoch from minute) * 1000)::float8 as "minuteMs", checked_at as "checkedAt",
      changed_at as "changedAt", ${countColumns(sql)}
    from flow_minute
    where project = ${project} and minute >= ${boundInstant(sql, fromMs)} and minute < ${boundInstant(sql, toMs)}
    order by minute desc limit ${limit}`;
}

const COLUMNS: Record<keyof FlowCounts, string> = {
  edgeAccepted: "edge_accepted",
  edgeRejected: "edge_rejected",
  edgeSuppressed: "edge_suppressed",
  edgeDuplicates: "edge_duplicates",
  received: "received",
  processed: "processed",
  failed: "failed",
  redelivered: "redelivered",
  repeated: "repeated",
  hotLoaded: "hot_loaded",
  hotCopies: "hot_copies",
  warmLoaded: "warm_loaded",
  warmCopies: "warm_copies",
  warmFailed: "warm_failed",
  coldLoaded: "cold_loaded",
  coldCopies: "cold_copies",
};

function countColumns(sql: Sql) {
  // The names are our own constants. The counts are doubles, because bigint would be returned as text.
  return sql.unsafe(
    Object.entries(COLUMNS)
      .map(([name, column]) => `${column}::float8 as "${name}"`)
      .join(", "),
  );
}

/** Writes the present counts of the tiers and the edge, and whether the minute adds up. */
export async function writeChecked(
  sql: Sql,
  minutes: readonly (OpenMinute & { balanced: boolean })[],
  nowMs: number,
): Promise<void> {
  const list = (of: (minute: OpenMinute) => number | null) => minutes.map(of);
  await sql`
    update flow_minute set
      edge_accepted = checked.edge_accepted, edge_rejected = checked.edge_rejected,
      edge_suppressed = checked.edge_suppressed, edge_duplicates = checked.edge_duplicates,
      hot_loaded = checked.hot_loaded, hot_copies = checked.hot_copies,
      warm_loaded = checked.warm_loaded, warm_copies = checked.warm_copies, warm_failed = checked.warm_failed,
      -- What was added since it was read is checked by the next run.
      balanced = checked.balanced = 1 and flow_minute.received = checked.received
        and flow_minute.cold_loaded + flow_minute.cold_copies = checked.cold,
      checked_at = ${boundInstant(sql, nowMs)}
    from unnest(
      ${minutes.map(({ project }) => project)}::text[], ${list(({ minuteMs }) => minuteMs)}::float8[],
      ${list((m) => m.edgeAccepted)}::bigint[], ${list((m) => m.edgeRejected)}::bigint[],
      ${list((m) => m.edgeSuppressed)}::bigint[], ${list((m) => m.edgeDuplicates)}::bigint[],
      ${list((m) => m.hotLoaded)}::bigint[], ${list((m) => m.hotCopies)}::bigint[],
      ${list((m) => m.warmLoaded)}::bigint[], ${list((m) => m.warmCopies)}::bigint[],
      ${list((m) => m.warmFailed)}::bigint[], ${list((m) => m.received)}::bigint[],
      ${list((m) => m.coldLoaded + m.coldCopies)}::bigint[], ${minutes.map(({ balanced }) => (balanced ? 1 : 0))}::int[]
    ) as checked (project, minute_ms, edge_accepted, edge_rejected, edge_suppressed, edge_duplicates, hot_loaded,
      hot_copies, warm_loaded, warm_copies, warm_failed, received, cold, balanced)
    where flow_minute.project = checked.project and flow_minute.minute = to_timestamp(checked.minute_ms / 1000)`;
}

/** Adds minutes that only the edge has reported. Without a row, missing events would not be noticed. */
export async function addEdgeMinutes(
  sql: Sql,
  project: string,
  minutesMs: readonly number[],
  nowMs: number,
): Promise<void> {
  await sql`
    insert into flow_minute (project, minute, changed_at)
    select ${project}, to_timestamp(minute_ms / 1000), ${boundInstant(sql, nowMs)}
    from unnest(${[...minutesMs]}::float8[]) as known (minute_ms)
    on conflict do nothing`;
}

export interface WarmCount {
  project: string;
  minuteMs: number;
  loaded: number;
  copies: number;
  failed: number;
}

/** A replayed event that only the warm tier had refused is no longer a failure. It has a shard name of its own (../replay). */
const REPLAYED = "replay-%";

export async function warmCounts(
  sql: Sql,
  fromMs: number,
  toMs: number,
  projects: readonly string[],
): Promise<WarmCount[]> {
  return sql<WarmCount[]>`
    select project, (extract(epoch from minute) * 1000)::float8 as "minuteMs",
      sum(loaded)::float8 as loaded,
      coalesce(sum(copies) filter (where raw_shard not like ${REPLAYED}), 0)::float8 as copies,
      (coalesce(sum(failed) filter (where raw_shard not like ${REPLAYED}), 0)
        - coalesce(sum(loaded + copies) filter (where raw_shard like ${REPLAYED}), 0))::float8 as failed
    from warm_count
    where minute >= ${boundInstant(sql, fromMs)} and minute <= ${boundInstant(sql, toMs)} and project = any(${[...projects]}::text[])
    group by project, minute`;
}

/** Deletes minutes that are too old for the reconciliation. */
export async function forget(sql: Sql, beforeMs: number): Promise<void> {
  await sql`delete from flow_minute where minute < ${boundInstant(sql, beforeMs)}`;
  await sql`delete from warm_count where minute < ${boundInstant(sql, beforeMs)}`;
}
