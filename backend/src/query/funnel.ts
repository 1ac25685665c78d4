// Answers `POST /v1/query/funnel`: how many subjects went through the steps in their order, within a time span that begins with
// their first step. The events of a subject are read once, in the order of time. Each reached step keeps the latest start from
// which it can be reached. The latest start leaves the most time for the remaining steps, so the answer is exact without trying
// every combination. Events of the same millisecond count in the order of the steps.

import type { Fragment, Sql } from "postgres";
import * as z from "zod/mini";
import { rangeShape, type TimeRange } from "../operation/parameters.ts";
import { dimension, dimensionValue } from "./dimension.ts";
import { Selection, selects } from "./selection.ts";
import { inRange } from "./window.ts";

const STEPS_MAX = 10;
const BREAKDOWN_VALUES = 20;
const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };
const WITHIN_MAX_MS = 366 * UNIT_MS.d;
const DEFAULT_WITHIN_MS = 7 * UNIT_MS.d;

/** Converts `30m`, `7d` or `2w` to milliseconds. */
const duration = z.pipe(
  z.string(),
  z.transform((value, context) => {
    const match = /^([1-9]\d{0,5})([smhdw])$/.exec(value);
    const ms = match === null ? 0 : Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
    if (ms > 0 && ms <= WITHIN_MAX_MS) return ms;
    context.issues.push({ code: "custom", message: "a number and s, m, h, d or w, up to a year", input: value });
    return z.NEVER;
  }),
);

export const FunnelQuestion = z.object({
  ...rangeShape,
  steps: z.array(Selection).check(z.minLength(1), z.maxLength(STEPS_MAX)),
  within: z._default(duration, DEFAULT_WITHIN_MS),
  breakdown: z.optional(dimension),
});
export type FunnelQuestion = z.infer<typeof FunnelQuestion>;

export interface FunnelStep {
  /** From 1. */
  step: number;
  event: string;
  users: number;
  /** Share of the first step's users, 0 to 1. */
  conversion: number;
  /** The value of the subject's first step in the range; null if it has no value. */
  breakdown?: string | null;
}

interface Reached {
  breakdown: string | null;
  users: number[];
}

/** The steps in order. With a breakdown: the steps of each of the 20 values with the most users at the first step. */
export async function queryFunnel(
  sql: Sql,
  project: string,
  range: TimeRange,
  asked: FunnelQuestion,
): Promise<FunnelStep[]> {
  const { steps, breakdown } = asked;
  const reached = steps.map((_, index) => sql`count(${sql(`start_${index}`)})::float8`);
  const rows = await sql<Reached[]>`
    select breakdown, array[${list(sql, reached)}] as users
    from (${waysOfSubjects(sql, project, range, asked)}) ways
    where start_0 is not null
    group by breakdown
    order by count(*) desc, breakdown nulls last
    limit ${breakdown === undefined ? 1 : BREAKDOWN_VALUES}`;
  const none: Reached[] = breakdown === undefined ? [{ breakdown: null, users: steps.map(() => 0) }] : [];
  return (rows.length === 0 ? none : rows).flatMap(({ breakdown: value, users }) =>
    steps.map(({ event }, index) => ({
      step: index + 1,
      event,
      users: users[index] ?? 0,
      conversion: users[0] === undefined || users[0] === 0 ? 0 : (users[index] ?? 0) / users[0],
      ...(breakdown === undefined ? {} : { breakdown: value }),
    })),
  );
}

/** One row per subject: for each step a start from which it was reached, null if it was not reached. */
function waysOfSubjects(sql: Sql, project: string, range: TimeRange, asked: FunnelQuestion): Fragment {
  const { steps, within, breakdown } = asked;
  const matches = steps.map((step, index) => sql`${selects(sql, step)} as ${sql(`is_${index}`)}`);
  const anyMatch = steps.map((step, index) => (index === 0 ? selects(sql, step) : sql`or ${selects(sql, step)}`));
  const value = breakdown === undefined ? sql`null::text` : dimensionValue(sql, breakdown);
  const firstMatch = steps.map((_, index) => sql`when ${sql(`is_${index}`)} then ${index}::int`);
  let walked = sql`
    select *, case when is_0 then time end as start_0, case ${firstMatch} end as first_match
    from (
      select subject, time, message_id, ${value} as value, ${list(sql, matches)}
      from event
      where project = ${project} and ${inRange(sql, range)} and (${anyMatch})
    ) matched`;
  for (let index = 1; index < steps.length; index++) walked = walkTo(sql, walked, index, within);
  const starts = steps.map((_, index) => sql`max(${sql(`start_${index}`)}) as ${sql(`start_${index}`)}`);
  return sql`
    select ${list(sql, starts)}, (array_agg(value order by time, message_id) filter (where is_0))[1] as breakdown
    from (${walked}) walked group by subject`;
}

/** Adds the start from which a step is reached: the latest that reached the previous step, earlier and not too long ago. */
function walkTo(sql: Sql, walked: Fragment, step: number, withinMs: number): Fragment {
  const latest = sql(`latest_${step}`);
  return sql`
    select *, case
      when ${sql(`is_${step}`)} and time <= ${latest} + ${withinMs}::float8 * interval '1 millisecond' then ${latest}
    end as ${sql(`start_${step}`)}
    from (
      select *, max(${sql(`start_${step - 1}`)}) over (
        partition by subject order by time, first_match, message_id rows between unbounded preceding and 1 preceding
      ) as ${latest}
      from (${walked}) ${sql(`before_${step}`)}
    ) ${sql(`seen_${step}`)}`;
}

function list(sql: Sql, parts: readonly Fragment[]): Fragment {
  return sql`${parts.map((part, index) => (index === 0 ? part : sql`, ${part}`))}`;
}
