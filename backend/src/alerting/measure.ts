// Observes a rule's condition: one number, or null if there is nothing to judge. Reads the warm tier's aggregates and the
// reconciliation's minutes. Writes nothing.

import type { Sql } from "../database/client.ts";
import { dimension } from "../query/dimension.ts";
import { queryTrend, type TrendPoint } from "../query/trend.ts";
import { boundInstant } from "../query/window.ts";
import { countImbalanced } from "../reconcile/balance.ts";
import type { AlertCondition, ConditionOf } from "./rule.ts";

const MINUTE_MS = 60_000;
/** Loading takes a moment, so the last minutes are observed only when they are complete. */
const INGESTION_MS = 2 * MINUTE_MS;
const PAST_WEEKS = 4;
/** The loads within this window tell how far behind the warm tier is. */
const LAG_WINDOW_MINUTES = 10;

export interface Observation {
  value: number | null;
  /** The figures behind the value. */
  detail: Record<string, unknown>;
}

/** @throws the database's fault. */
export function observe(sql: Sql, project: string, condition: AlertCondition, nowMs: number): Promise<Observation> {
  switch (condition.kind) {
    case "volume":
      return observeVolume(sql, project, condition, nowMs);
    case "failed_rate":
      return observeFailedRate(sql, project, condition, nowMs);
    case "consent_drop_rate":
      return observeConsentDrops(sql, project, condition, nowMs);
    case "lag":
      return observeLag(sql, project, condition, nowMs);
    case "imbalance":
      return observeImbalance(sql, project, nowMs);
    case "trend":
      return observeTrend(sql, project, condition, nowMs);
  }
}

/** Whole minutes. The last minute is old enough to have been loaded. */
function windowOf(windowMinutes: number, nowMs: number): { fromMs: number; toMs: number } {
  const toMs = Math.floor((nowMs - INGESTION_MS) / MINUTE_MS) * MINUTE_MS;
  return { fromMs: toMs - windowMinutes * MINUTE_MS, toMs };
}

async function observeVolume(
  sql: Sql,
  project: string,
  { direction, event, windowMinutes, minimumEvents, timezone }: ConditionOf<"volume">,
  nowMs: number,
): Promise<Observation> {
  const { fromMs, toMs } = windowOf(windowMinutes, nowMs);
  const [from, to] = [boundInstant(sql, fromMs), boundInstant(sql, toMs)];
  const labelled = event === undefined ? sql`` : sql`and m.label = ${event}`;
  // Weeks before the project's first week say nothing about the project. Weeks follow the calendar of the rule's time zone.
  const rows = await sql<{ week: number; events: number }[]>`
    select week, (
      select coalesce(sum(m.events), 0)::float8 from event_minute m
      where m.project = ${project} ${labelled} and m.bucket >= w.from_time and m.bucket < w.to_time
    ) as events
    from (
      select week,
        timezone(${timezone}::text, timezone(${timezone}::text, ${from}) - make_interval(weeks => week)) as from_time,
        timezone(${timezone}::text, timezone(${timezone}::text, ${to}) - make_interval(weeks => week)) as to_time
      from generate_series(0, ${PAST_WEEKS}::int) as week
    ) w
    where week = 0 or from_time >= (select created_at from project where id = ${project})
      or exists (select from event_minute e where e.project = ${project} and e.bucket < w.from_time)
    order by week`;
  const past = rows.filter(({ week }) => week > 0).map(({ events }) => events);
  const loaded = rows.find(({ week }) => week === 0)?.events ?? 0;
  // Events that the warm tier has not loaded yet were sent: a tier that is behind is not a drop. Their names are not known.
  const missing = await countMissing(sql, project, fromMs, toMs);
  const current = loaded + (event === undefined ? missing : 0);
  const median = medianOf(past);
  const detail = { current, median, weeks: past.length, missing, ...spanOf(fromMs, toMs) };
  const unknown = median === null || median < minimumEvents || (event !== undefined && missing > 0);
  if (unknown) return { value: null, detail };
  const change = ((current - median) / median) * 100;
  return { value: direction === "drop" ? -change : change, detail };
}

async function countMissing(sql: Sql, project: string, fromMs: number, toMs: number): Promise<number> {
  const [row] = await sql<{ missing: number }[]>`
    select coalesce(sum(greatest(processed - warm_loaded - warm_copies - warm_failed, 0)), 0)::float8 as missing
    from flow_minute
    where project = ${project} and minute >= ${boundInstant(sql, fromMs)} and minute < ${boundInstant(sql, toMs)}`;
  return row?.missing ?? 0;
}

async function observeFailedRate(
  sql: Sql,
  project: string,
  { windowMinutes, minimumEvents }: ConditionOf<"failed_rate">,
  nowMs: number,
): Promise<Observation> {
  const { fromMs, toMs } = windowOf(windowMinutes, nowMs);
  const [row] = await sql<{ events: number; failed: number }[]>`
    select coalesce(sum(processed + failed), 0)::float8 as events,
      coalesce(sum(failed + warm_failed), 0)::float8 as failed
    from flow_minute
    where project = ${project} and minute >= ${boundInstant(sql, fromMs)} and minute < ${boundInstant(sql, toMs)}`;
  const { events = 0, failed = 0 } = row ?? {};
  const value = events < minimumEvents ? null : (failed / events) * 100;
  return { value, detail: { events, failed, ...spanOf(fromMs, toMs) } };
}

async function observeConsentDrops(
  sql: Sql,
  project: string,
  { windowMinutes, minimumEvents }: ConditionOf<"consent_drop_rate">,
  nowMs: number,
): Promise<Observation> {
  const { fromMs, toMs } = windowOf(windowMinutes, nowMs);
  // Null if no edge has reported the minute.
  const [row] = await sql<{ events: number; suppressed: number }[]>`
    select coalesce(sum(edge_accepted + edge_suppressed), 0)::float8 as events,
      coalesce(sum(edge_suppressed), 0)::float8 as suppressed
    from flow_minute
    where project = ${project} and minute >= ${boundInstant(sql, fromMs)} and minute < ${boundInstant(sql, toMs)}`;
  const { events = 0, suppressed = 0 } = row ?? {};
  const value = events < minimumEvents ? null : (suppressed / events) * 100;
  return { value, detail: { events, suppressed, ...spanOf(fromMs, toMs) } };
}

async function observeLag(
  sql: Sql,
  project: string,
  { tier }: ConditionOf<"lag">,
  nowMs: number,
): Promise<Observation> {
  const held = {
    hot: sql`hot_loaded + hot_copies`,
    warm: sql`warm_loaded + warm_copies + warm_failed`,
    cold: sql`cold_loaded + cold_copies`,
  }[tier];
  const [waiting] = await sql<{ oldest: Date | null }[]>`
    select min(minute) as oldest from flow_minute
    where project = ${project} and not balanced and processed > ${held}`;
  // It is unknown which of a minute's events are missing. The last event is assumed.
  const oldestMs = waiting?.oldest?.getTime() ?? nowMs;
  const waitingSeconds = Math.max(0, nowMs - oldestMs - MINUTE_MS) / 1_000;
  const loadSeconds = tier === "warm" ? await recentLoadSeconds(sql, project, nowMs) : 0;
  const oldestMissing = waiting?.oldest?.toISOString() ?? null;
  return { value: Math.max(waitingSeconds, loadSeconds), detail: { tier, oldestMissing, p95LoadSeconds: loadSeconds } };
}

async function recentLoadSeconds(sql: Sql, project: string, nowMs: number): Promise<number> {
  const since = boundInstant(sql, nowMs - LAG_WINDOW_MINUTES * MINUTE_MS);
  const [row] = await sql<{ seconds: number | null }[]>`
    select percentile_disc(0.95) within group (order by extract(epoch from loaded_at - received_at))::float8 as seconds
    from event where project = ${project} and time >= ${since} and loaded_at >= ${since}`;
  return row?.seconds ?? 0;
}

async function observeImbalance(sql: Sql, project: string, nowMs: number): Promise<Observation> {
  const { minutes, oldestMs } = await countImbalanced(sql, project, nowMs);
  return { value: minutes, detail: { oldest: oldestMs === null ? null : new Date(oldestMs).toISOString() } };
}

async function observeTrend(
  sql: Sql,
  project: string,
  condition: ConditionOf<"trend">,
  nowMs: number,
): Promise<Observation> {
  const { event, measure, interval, timezone, operator, aggregate } = condition;
  const range = windowOf(condition.windowMinutes, nowMs);
  const breakdown = condition.breakdown === undefined ? undefined : dimension.parse(condition.breakdown);
  const asked = { event, measure, interval, timezone, breakdown };
  const points = await queryTrend(sql, project, range, asked, nowMs);
  const span = spanOf(range.fromMs, range.toMs);
  if (!points.ok) return { value: null, detail: { problem: points.problem.code, ...span } };
  const series = [...Map.groupBy(points.value, (point) => point.breakdown ?? null)].map(([name, values]) => ({
    name,
    value: aggregated(values, aggregate),
  }));
  const furthest = series.toSorted((a, b) => (operator === "above" ? b.value - a.value : a.value - b.value))[0];
  if (furthest === undefined) return { value: null, detail: span };
  return { value: furthest.value, detail: { ...(breakdown === undefined ? {} : { of: furthest.name }), ...span } };
}

function aggregated(points: readonly TrendPoint[], aggregate: ConditionOf<"trend">["aggregate"]): number {
  const values = points.map(({ value }) => value);
  const sum = values.reduce((total, value) => total + value, 0);
  switch (aggregate) {
    case "sum":
      return sum;
    case "average":
      return values.length === 0 ? 0 : sum / values.length;
    case "max":
      return Math.max(0, ...values);
    case "min":
      return values.length === 0 ? 0 : Math.min(...values);
  }
}

/** Null for an empty list. */
function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function spanOf(fromMs: number, toMs: number): { from: string; to: string } {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}
