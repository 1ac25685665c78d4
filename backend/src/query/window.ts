// Binds instants as SQL parameters. Only numbers from the contract's parser reach SQL: Postgres itself would accept 'tomorrow'.

import type { Fragment, Sql } from "postgres";
import type { TimeRange } from "../operation/parameters.ts";

export function boundInstant(sql: Sql, ms: number): Fragment {
  // A text with milliseconds and a zone is exact. A double of seconds is not.
  return sql`${new Date(ms).toISOString()}::text::timestamptz`;
}

/** `fromMs` is inclusive, `toMs` exclusive. */
export function inRange(sql: Sql, { fromMs, toMs }: TimeRange): Fragment {
  return sql`time >= ${boundInstant(sql, fromMs)} and time < ${boundInstant(sql, toMs)}`;
}
