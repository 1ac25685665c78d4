// Answers `GET /v1/query/trend`: events or users over time, by bucket of a time zone, gaps filled with 0. `date_trunc` in the
// zone makes the buckets. `time_bucket` would merge the hour that the end of summer time repeats into one bucket.

import { LIMITS } from "@behaviour/contract";
import type { Fragment, Sql } from "postgres";
import * as z from "zod/mini";
import { rangeShape, type TimeRange, text } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import { listBuckets } from "./buckets.ts";
import { type Dimension, dimension, dimensionFilter, dimensionValue } from "./dimension.ts";
import { hasWholeHours, timezone } from "./timezone.ts";
import {
  chooseSource,
  INTERVAL_MS,
  type Interval,
  innerRange,
  reachesBeyondEvents,
  type TrendSource,
  usableAggregate,
} from "./trend-source.ts";
import { boundInstant, inRange } from "./window.ts";

/** A chart with more lines than this can't be read. */
const BREAKDOWN_VALUES = 20;

export const TrendParameters = z.object({
  ...rangeShape,
  event: z.optional(text(LIMITS.eventNameLength)),
  interval: z._default(z.enum(["minute", "hour", "day"]), "hour"),
  measure: z._default(z.enum(["events", "users"]), "events"),
  breakdown: z.optional(dimension),
  timezone: z._default(timezone, "UTC"),
});
export type TrendParameters = z.infer<typeof TrendParameters>;

export interface TrendPoint {
  /** Start of the bucket, an ISO instant in UTC. */
  bucket: string;
  value: number;
  breakdown?: string;
}

interface Counted {
  bucket: Date;
  value: number;
  breakdown: string | null;
}

/** The default end of a trend: the current bucket is complete, and no empty future buckets follow. */
export function openEnd(interval: Interval, nowMs: number): number {
  const bucketMs = INTERVAL_MS[interval];
  return (Math.floor(nowMs / bucketMs) + 1) * bucketMs;
}

/** Points in the order of time. With a breakdown: the 20 most frequent values, the most frequent first within a bucket. */
export async function queryTrend(
  sql: Sql,
  project: string,
  range: TimeRange,
  asked: TrendParameters,
  nowMs: number,
): Promise<Result<TrendPoint[]>> {
  const tooMany = refused<TrendPoint[]>(
    "invalid_parameter",
    "/interval",
    `/interval: more than ${LIMITS.queryBuckets} buckets; ask for a longer interval or a shorter range.`,
  );
  if ((range.toMs - range.fromMs) / INTERVAL_MS[asked.interval] > LIMITS.queryBuckets) return tooMany;
  const buckets = await listBuckets(sql, range, asked.interval, asked.timezone);
  if (!buckets.ok) return buckets;
  if (buckets.value.length > LIMITS.queryBuckets) return tooMany;
  if (buckets.value.length === 0) return ok([]);

  const source = await sourceOf(sql, project, range, asked, nowMs);
  const rows =
    source === "events" ? eventRows(sql, project, range, asked) : aggregateRows(sql, project, range, asked, source);
  return ok(fillGaps(buckets.value, await count(sql, rows, asked), asked.breakdown !== undefined));
}

async function sourceOf(
  sql: Sql,
  project: string,
  range: TimeRange,
  { measure, breakdown, interval, timezone: zone }: TrendParameters,
  nowMs: number,
): Promise<TrendSource> {
  const wholeHours = hasWholeHours(zone, range.fromMs, range.toMs);
  const question = { measure, breakdown, interval, range, nowMs, wholeHours };
  if (usableAggregate(question) === null) return "events";
  const aggregated = await sql<{ events: number }[]>`
    select coalesce(sum(events), 0)::float8 as events from event_hour
    where project = ${project} and bucket >= ${boundInstant(sql, range.fromMs)} and bucket < ${boundInstant(sql, range.toMs)}`;
  const stored = reachesBeyondEvents(question)
    ? await sql<{ events: number }[]>`
        select count(*)::float8 as events from event where project = ${project} and ${inRange(sql, range)}`
    : [];
  return chooseSource(question, { aggregated: aggregated[0]?.events ?? 0, stored: stored[0]?.events ?? 0 });
}

/** Rows of (at, value, events, subject), one per event. */
function eventRows(sql: Sql, project: string, range: TimeRange, { event, breakdown }: TrendParameters): Fragment {
  return sql`
    select time as at, ${breakdownValue(sql, breakdown)} as value, 1 as events, subject
    from event
    where project = ${project} and ${inRange(sql, range)} ${labelled(sql, event)}
      ${breakdown === undefined ? sql`` : dimensionFilter(sql, breakdown)}`;
}

/** The same rows from an aggregate, and from the events at the two ends that fill no bucket of the aggregate. */
function aggregateRows(
  sql: Sql,
  project: string,
  range: TimeRange,
  asked: TrendParameters,
  source: "event_minute" | "event_hour",
): Fragment {
  const inner = innerRange(range, source);
  const value = asked.breakdown === undefined ? sql`null::text` : sql`label`;
  return sql`
    select bucket as at, ${value} as value, events, null::text as subject
    from ${sql(source)}
    where project = ${project} and bucket >= ${boundInstant(sql, inner.fromMs)} and bucket < ${boundInstant(sql, inner.toMs)}
      ${labelled(sql, asked.event)}
    union all ${eventRows(sql, project, { fromMs: range.fromMs, toMs: inner.fromMs }, asked)}
    union all ${eventRows(sql, project, { fromMs: inner.toMs, toMs: range.toMs }, asked)}`;
}

function breakdownValue(sql: Sql, by: Dimension | undefined): Fragment {
  return by === undefined ? sql`null::text` : dimensionValue(sql, by);
}

function labelled(sql: Sql, event: string | undefined): Fragment {
  return event === undefined ? sql`` : sql`and label = ${event}`;
}

function count(sql: Sql, rows: Fragment, asked: TrendParameters): Promise<Counted[]> {
  const { interval, timezone: zone, measure, breakdown } = asked;
  const value = measure === "users" ? sql`count(distinct subject)` : sql`sum(events)`;
  if (breakdown === undefined) {
    return sql<Counted[]>`
      select bucket, ${value}::float8 as value, null as breakdown
      from (select date_trunc(${interval}::text, at, ${zone}::text) as bucket, events, subject from (${rows}) counted) bucketed
      group by bucket`;
  }
  return sql<Counted[]>`
    with bucketed as materialized (
      select date_trunc(${interval}::text, at, ${zone}::text) as bucket, value, events, subject from (${rows}) counted
    ), frequent as (
      select value, sum(events) as total from bucketed where value is not null
      group by value order by total desc, value limit ${BREAKDOWN_VALUES}
    )
    select bucket, ${value}::float8 as value, value as breakdown
    from bucketed join frequent using (value)
    group by bucket, value, total
    order by total desc, value`;
}

function fillGaps(buckets: readonly number[], counted: readonly Counted[], brokenDown: boolean): TrendPoint[] {
  // Rows arrive with the most frequent value first, and the map keeps that order.
  const series = new Map<string | null, Map<number, number>>();
  if (!brokenDown) series.set(null, new Map());
  for (const { bucket, value, breakdown } of counted) {
    const values = series.get(breakdown) ?? new Map<number, number>();
    series.set(breakdown, values.set(bucket.getTime(), value));
  }
  return buckets.flatMap((bucketMs) =>
    [...series].map(([breakdown, values]) => {
      const point = { bucket: new Date(bucketMs).toISOString(), value: values.get(bucketMs) ?? 0 };
      return breakdown === null ? point : { ...point, breakdown };
    }),
  );
}
