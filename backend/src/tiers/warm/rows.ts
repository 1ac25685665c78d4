// Writes enriched events as columns of the table `event`, for one `insert … select unnest(…), …` with forty parameters,
// whatever the number of rows. Times are written from our own numbers and never from a client's text, which Postgres would
// accept in too many forms ('tomorrow', 'infinity'). Pure.

import { type ColumnKind, type EnrichedEvent, STORE_COLUMNS } from "@behaviour/contract";
import { eventLabel } from "../label.ts";

const TYPES: Record<ColumnKind, string> = {
  text: "text",
  timestamp: "timestamptz",
  boolean: "boolean",
  json: "jsonb",
};

/** Elements of an array literal, for values that are not null. */
const ELEMENTS: Record<ColumnKind, (value: never) => string> = {
  text: quoted,
  timestamp: (ms: number) => `"${new Date(ms).toISOString()}"`,
  boolean: (value: boolean) => (value ? "t" : "f"),
  json: (value: unknown) => quoted(typeof value === "string" ? value : JSON.stringify(value)),
};

interface WarmColumn {
  name: string;
  type: string;
  /** The column's values as one Postgres array literal; null if all values are null. */
  literal: (events: readonly EnrichedEvent[]) => string | null;
}

const COLUMNS: readonly WarmColumn[] = [
  ...STORE_COLUMNS.map(({ column, field, kind }) => ({
    name: column,
    type: TYPES[kind],
    literal: (events: readonly EnrichedEvent[]) => arrayLiteral(events, (event) => event[field], ELEMENTS[kind]),
  })),
  { name: "label", type: "text", literal: (events) => arrayLiteral(events, eventLabel, quoted) },
  { name: "raw_shard", type: "text", literal: (events) => arrayLiteral(events, (event) => event.rawShard, quoted) },
  { name: "raw_position", type: "text", literal: (events) => arrayLiteral(events, (event) => event.position, quoted) },
];

/** From this size on a load omits empty columns. Each smaller load would need a statement of its own. */
const LEAVING_OUT_ROWS = 1_000;
/** Statements with omitted columns in one process. The server keeps them prepared. */
const STATEMENTS_MAX = 32;
const statements = new Map<string, string>();

export interface EventInsert {
  /** Returns the number of new rows by project and minute of receipt. */
  statement: string;
  /** The parameters `$1`, `$2` …: one Postgres array literal for each column. */
  columns: string[];
}

/**
 * A large load omits the columns without any value, because an empty column takes the database as long as a full column.
 * @throws RangeError for a time that no date can hold
 */
export function eventInsert(events: readonly EnrichedEvent[]): EventInsert {
  const literals = COLUMNS.map(({ literal }) => literal(events));
  const given = COLUMNS.filter((_, index) => literals[index] !== null);
  const left = given.length < COLUMNS.length && events.length >= LEAVING_OUT_ROWS ? statementOf(given) : undefined;
  if (left !== undefined) return { statement: left, columns: literals.filter((literal) => literal !== null) };
  const empty = `{${new Array<string>(events.length).fill("NULL").join(",")}}`;
  return { statement: ALL_COLUMNS, columns: literals.map((literal) => literal ?? empty) };
}

/** Undefined if there are too many statements. */
function statementOf(columns: readonly WarmColumn[]): string | undefined {
  const key = columns.map(({ name }) => name).join(" ");
  const known = statements.get(key);
  if (known !== undefined || statements.size >= STATEMENTS_MAX) return known;
  const statement = insertInto(columns);
  statements.set(key, statement);
  return statement;
}

/** Each array is unnested in the target list. In the `from` clause forty arrays would first be stored row by row. */
function insertInto(columns: readonly WarmColumn[]): string {
  return `with inserted as (
  insert into event (${columns.map(({ name }) => name).join(", ")})
  select ${columns.map(({ type }, index) => `unnest($${index + 1}::${type}[])`).join(", ")}
  on conflict do nothing
  returning project, received_at
)
select project, (floor(extract(epoch from received_at) / 60) * 60000)::float8 as minute_ms, count(*)::int as events
from inserted group by 1, 2`;
}

const ALL_COLUMNS = insertInto(COLUMNS);

/** Replaces the driver's serializer, which checks the type of every element and takes half of the load's time. */
function arrayLiteral(
  events: readonly EnrichedEvent[],
  valueOf: (event: EnrichedEvent) => unknown,
  elementOf: (value: never) => string,
): string | null {
  const elements = new Array<string>(events.length);
  let isEmpty = true;
  let last: unknown = null;
  let element = "NULL";
  for (let row = 0; row < events.length; row++) {
    const value = valueOf(events[row] as EnrichedEvent) ?? null;
    // In most columns neighbouring values are equal.
    if (value !== last) {
      last = value;
      isEmpty = false;
      element = value === null ? "NULL" : elementOf(value as never);
    }
    elements[row] = element;
  }
  return isEmpty ? null : `{${elements.join(",")}}`;
}

const SPECIAL = /["\\]/;
const EACH_SPECIAL = /["\\]/g;

function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replace(EACH_SPECIAL, "\\$&")}"` : `"${text}"`;
}
