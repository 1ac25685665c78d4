// `GET /v1/query/top`: the most frequent values of one dimension, with how many events and how many subjects had each. From
// the events themselves: distinct subjects of a value do not add up over the buckets of an aggregate.

import { LIMITS } from "@behaviour/contract";
import type { Sql } from "postgres";
import * as z from "zod/mini";
import { dimension, dimensionFilter, dimensionValue } from "./dimension.ts";
import { integer, rangeShape, type TimeRange } from "./parameters.ts";
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

/** Most frequent first, ties by value; events without a value are left out. */
export function queryTop(
  sql: Sql,
  project: string,
  range: TimeRange,
  { by, limit }: TopParameters,
): Promise<TopValue[]> {
  return sql<TopValue[]>`
    select value, count(*)::float8 as count, count(distinct subject)::float8 as users
    from (
      select ${dimensionValue(sql, by)} as value, subject
      from event
      where project = ${project} and ${inRange(sql, range)} ${dimensionFilter(sql, by)}
    ) valued
    where value is not null
    group by value
    order by count(*) desc, value
    limit ${limit}`;
}
