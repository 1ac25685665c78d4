// Lists the buckets of a time zone that a range touches. The database makes them by the same rules that it counts by: a day may
// have 23 or 25 hours, and an hour may begin at the half hour.

import postgres, { type Sql } from "postgres";
import type { TimeRange } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import { boundInstant } from "./window.ts";

export type BucketInterval = "minute" | "hour" | "day" | "week";

/** Not longer than any bucket of any zone, so that the steps meet every bucket. */
const STEP: Record<BucketInterval, string> = {
  minute: "1 minute",
  hour: "15 minutes",
  day: "6 hours",
  week: "6 hours",
};
/** Postgres's invalid_parameter_value, its error for an unknown time zone. */
const UNKNOWN_ZONE = "22023";

/** The buckets' starts in epoch milliseconds, in order. The first start may be before the range. */
export async function listBuckets(
  sql: Sql,
  range: TimeRange,
  interval: BucketInterval,
  zone: string,
): Promise<Result<number[]>> {
  if (range.fromMs >= range.toMs) return ok([]);
  const [first, last] = [boundInstant(sql, range.fromMs), boundInstant(sql, range.toMs - 1)];
  try {
    const rows = await sql<{ bucket: Date }[]>`
      select distinct date_trunc(${interval}::text, step, ${zone}::text) as bucket
      from (
        select generate_series(${first}, ${last}, ${STEP[interval]}::text::interval) as step
        union all select ${last}
      ) steps
      order by bucket`;
    return ok(rows.map(({ bucket }) => bucket.getTime()));
  } catch (error) {
    const unknown = error instanceof postgres.PostgresError && error.code === UNKNOWN_ZONE;
    if (unknown) return refused("invalid_parameter", "/timezone", "/timezone: not an IANA time zone.");
    throw error;
  }
}
