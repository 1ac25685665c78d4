// The buckets of a time zone that a range touches. Made by the database, by the same rules that it counts by: a day may have
// 23 or 25 hours, an hour begin at the half.

import postgres, { type Sql } from "postgres";
import type { TimeRange } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import { boundInstant } from "./window.ts";

export type BucketInterval = "minute" | "hour" | "day" | "week";

/** Shorter than any bucket of any zone, so that stepping by it meets each of them. */
const STEP: Record<BucketInterval, string> = {
  minute: "1 minute",
  hour: "15 minutes",
  day: "6 hours",
  week: "6 hours",
};
/** Postgres: invalid_parameter_value, what it says to a zone it does not know. */
const UNKNOWN_ZONE = "22023";

/** Their starts in epoch milliseconds, in order; the first may lie before the range. */
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
