// Answers `POST /v1/query/retention`: of the subjects whose first event of one kind was in a period, how many had an event of
// another kind in each period after. The newest cohort is the current period. A period that has not begun is left out, so the
// table is a triangle.

import type { Sql } from "postgres";
import * as z from "zod/mini";
import type { TimeRange } from "../operation/parameters.ts";
import { ok, type Result } from "../operation/problem.ts";
import { listBuckets } from "./buckets.ts";
import { Selection, selects } from "./selection.ts";
import { timezone } from "./timezone.ts";
import { boundInstant, inRange } from "./window.ts";

const PERIODS_MAX = 90;
const DEFAULT_PERIODS = 8;
const DAY_MS = 86_400_000;
const PERIOD_MS = { day: DAY_MS, week: 7 * DAY_MS };

export const RetentionQuestion = z.object({
  cohort: Selection,
  return: Selection,
  /** Weeks begin on Monday. */
  interval: z._default(z.enum(["day", "week"]), "day"),
  periods: z._default(z.int().check(z.gte(1), z.lte(PERIODS_MAX)), DEFAULT_PERIODS),
  timezone: z._default(timezone, "UTC"),
});
export type RetentionQuestion = z.infer<typeof RetentionQuestion>;

export interface Cohort {
  /** Start of the cohort's period, an ISO instant in UTC. */
  cohort: string;
  users: number;
  /** From the cohort's own period (0, which counts events after the first event) to the current period. */
  periods: { period: number; users: number; rate: number }[];
}

interface Row {
  cohort: Date;
  /** Null if the row counts all of the cohort's subjects. */
  period: Date | null;
  users: number;
}

/** A subject belongs to the cohort of its first event within the requested range. Oldest cohort first. */
export async function queryRetention(
  sql: Sql,
  project: string,
  asked: RetentionQuestion,
  nowMs: number,
): Promise<Result<Cohort[]>> {
  const { interval, periods, timezone: zone } = asked;
  const back = { fromMs: Math.max(nowMs - (periods - 1) * PERIOD_MS[interval], 0), toMs: nowMs + 1 };
  const buckets = await listBuckets(sql, back, interval, zone);
  if (!buckets.ok) return buckets;
  const starts = buckets.value.slice(-periods);
  const range = { fromMs: starts[0] ?? nowMs, toMs: back.toMs };
  return ok(toTable(starts, await countReturns(sql, project, range, asked)));
}

function countReturns(sql: Sql, project: string, range: TimeRange, asked: RetentionQuestion): Promise<Row[]> {
  const { interval, timezone: zone } = asked;
  return sql<Row[]>`
    with first as materialized (
      select subject, min(time) as time from event
      where project = ${project} and ${inRange(sql, range)} and ${selects(sql, asked.cohort)}
      group by subject
    ), cohort as materialized (
      select subject, time, date_trunc(${interval}::text, time, ${zone}::text) as cohort from first
    ), returned as (
      select cohort.cohort, cohort.subject, date_trunc(${interval}::text, event.time, ${zone}::text) as period
      from cohort join event on event.subject = cohort.subject and event.time > cohort.time
      where event.project = ${project}
        and event.time >= ${boundInstant(sql, range.fromMs)} and event.time < ${boundInstant(sql, range.toMs)}
        and ${selects(sql, asked.return)}
    )
    select cohort, null::timestamptz as period, count(*)::float8 as users from cohort group by cohort
    union all
    select cohort, period, count(distinct subject)::float8 as users from returned group by cohort, period`;
}

function toTable(starts: readonly number[], rows: readonly Row[]): Cohort[] {
  const users = new Map(rows.map((row) => [`${row.cohort.getTime()}/${row.period?.getTime() ?? "all"}`, row.users]));
  return starts.map((startMs, index) => {
    const all = users.get(`${startMs}/all`) ?? 0;
    const periods = starts.slice(index).map((periodMs, period) => {
      const returned = users.get(`${startMs}/${periodMs}`) ?? 0;
      return { period, users: returned, rate: all === 0 ? 0 : returned / all };
    });
    return { cohort: new Date(startMs).toISOString(), users: all, periods };
  });
}
