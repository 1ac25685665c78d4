// Answers `GET /v1/query/sessions`: sessions over time, by the bucket in which they began, gaps filled with 0. The database
// function `sessions` defines a session (docs/ENRICHMENT.md). People's own tools call that function too.

import { LIMITS } from "@behaviour/contract";
import type { Sql } from "postgres";
import * as z from "zod/mini";
import { rangeShape, type TimeRange } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import { listBuckets } from "./buckets.ts";
import { timezone } from "./timezone.ts";
import { INTERVAL_MS } from "./trend-source.ts";
import { boundInstant } from "./window.ts";

export const SessionsParameters = z.object({
  ...rangeShape,
  interval: z._default(z.enum(["hour", "day"]), "day"),
  timezone: z._default(timezone, "UTC"),
});
export type SessionsParameters = z.infer<typeof SessionsParameters>;

export interface SessionsPoint {
  /** Start of the bucket, an ISO instant in UTC. */
  bucket: string;
  sessions: number;
  /** Distinct people of these sessions. */
  users: number;
  /** Sessions of one event. */
  bounces: number;
  events: number;
  /** From the first to the last event; 0 if there is no session. */
  averageDurationMs: number;
}

interface Counted extends Omit<SessionsPoint, "bucket"> {
  bucket: Date;
}

/** In the order of time. */
export async function querySessions(
  sql: Sql,
  project: string,
  range: TimeRange,
  { interval, timezone: zone }: SessionsParameters,
): Promise<Result<SessionsPoint[]>> {
  if ((range.toMs - range.fromMs) / INTERVAL_MS[interval] > LIMITS.queryBuckets) {
    const limit = `/interval: more than ${LIMITS.queryBuckets} buckets; ask for a longer interval or a shorter range.`;
    return refused("invalid_parameter", "/interval", limit);
  }
  const buckets = await listBuckets(sql, range, interval, zone);
  if (!buckets.ok) return buckets;
  const [from, to] = [boundInstant(sql, range.fromMs), boundInstant(sql, range.toMs)];
  const rows = await sql<Counted[]>`
    select date_trunc(${interval}::text, started_at, ${zone}::text) as bucket,
           count(*)::float8 as sessions, count(distinct subject)::float8 as users,
           (count(*) filter (where events = 1))::float8 as bounces, sum(events)::float8 as events,
           round(avg(extract(epoch from ended_at - started_at)) * 1000)::float8 as "averageDurationMs"
    from sessions(${project}, ${from}, ${to}, ${zone})
    group by 1`;
  const counted = new Map(rows.map(({ bucket, ...figures }) => [bucket.getTime(), figures]));
  return ok(
    buckets.value.map((bucketMs) => ({ bucket: new Date(bucketMs).toISOString(), ...(counted.get(bucketMs) ?? NONE) })),
  );
}

const NONE: Omit<SessionsPoint, "bucket"> = { sessions: 0, users: 0, bounces: 0, events: 0, averageDurationMs: 0 };
