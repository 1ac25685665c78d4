// Instants as bound parameters. Only numbers that the contract's parser made reach SQL: Postgres itself would take 'tomorrow'.

import type { Fragment, Sql } from "postgres";
import type { TimeRange } from "../operation/parameters.ts";

export function boundInstant(sql: Sql, ms: number): Fragment {
  // A text with milliseconds and a zone is exact; a double of seconds is not.
  return sql`${new Date(ms).toISOString()}::text::timestamptz`;
}

/** From inclusive, to exclusive. */
export function inRange(sql: Sql, { fromMs, toMs }: TimeRange): Fragment {
  return sql`time >= ${boundInstant(sql, fromMs)} and time < ${boundInstant(sql, toMs)}`;
}
