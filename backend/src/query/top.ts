// Answers `GET /v1/query/top`: the most frequent values of one dimension, with each value's number of events and subjects. Counts
// the events themselves, because a value's distinct subjects do not add up over the buckets of an aggregate.

import { LIMITS } from "@behaviour/contract";
import type { Sql } from "postgres";
import * as z from "zod/mini";
import { integer, rangeShape, type TimeRange } from "../operation/parameters.ts";
import { dimension, dimensionFilter, dimensionValue } from "./dimension.ts";
import { inRange } from "./window.ts";

const DEFAULT_LIMIT = 10;

export const TopParameters = z.object({
  ...rangeShape,
  by: dimension,
  limit: z._default(integer(1, LIMITS.queryTopMax), DEFAULT_LIMIT),
});
export type TopParameters = z.infer<typeof TopParameters>;

export interface TopValue {
  value: string;
  count: number;
  users: number;
}

/**
 * Most frequent value first, ties by value. Events without a value are left out. Distinct subjects are counted only for the
 * values of the answer, because that takes longer than counting events.
 */
export function queryTop(
  sql: Sql,
  project: string,
  range: TimeRange,
  { by, limit }: TopParameters,
): Promise<TopValue[]> {
  return sql<TopValue[]>`
    with valued as materialized (
      select value, subject
      from (
        select ${dimensionValue(sql, by)} as value, subject
        from event
        where project = ${project} and ${inRange(sql, range)} ${dimensionFilter(sql, by)}
      ) of_events
      where value is not null
    ), frequent as (
      select value, count(*) as count from valued group by value order by count(*) desc, value limit ${limit}
    )
    select value, count::float8 as count, count(*)::float8 as users
    from (select distinct value, subject, count from valued join frequent using (value)) of_subjects
    group by value, count
    order by of_subjects.count desc, value`;
}
