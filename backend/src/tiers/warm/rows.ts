// Enriched events as columns of the table `event`, for one `insert … select unnest(…), …`: forty parameters whatever the
// number of rows. Pure. Times are written from our own numbers, never from a client's text, which Postgres would read
// generously ('tomorrow', 'infinity').

import { type ColumnKind, type EnrichedEvent, STORE_COLUMNS } from "@behaviour/contract";
import { eventLabel } from "../label.ts";

const TYPES: Record<ColumnKind, string> = {
  text: "text",
  timestamp: "timestamptz",
  boolean: "boolean",
  json: "jsonb",
};

/** Of an array literal, of a value that is not null. */
const ELEMENTS: Record<ColumnKind, (value: never) => string> = {
  text: quoted,
  timestamp: (ms: number) => `"${new Date(ms).toISOString()}"`,
  boolean: (value: boolean) => (value ? "t" : "f"),
  json: (value: unknown) => quoted(typeof value === "string" ? value : JSON.stringify(value)),
};

interface WarmColumn {
  name: string;
  type: string;
  /** The column's values as one Postgres array literal; null when there is none. */
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

/** A load of this size is worth leaving columns out of; smaller ones would each have a statement of their own. */
const LEAVING_OUT_ROWS = 1_000;
/** Statements that leave columns out, in one process: the server keeps them prepared. */
const STATEMENTS_MAX = 32;
const statements = new Map<string, string>();

export interface EventInsert {
  /** Answers how many rows are new, by project and minute of receipt. */
  statement: string;
  /** `$1`, `$2` …: one Postgres array literal for each column. */
  columns: string[];
}

/**
 * A large load leaves out the columns that no event has a value for: each takes the database as long as one that has.
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

/** Undefined when there are too many of them. */
function statementOf(columns: readonly WarmColumn[]): string | undefined {
  const key = columns.map(({ name }) => name).join(" ");
  const known = statements.get(key);
  if (known !== undefined || statements.size >= STATEMENTS_MAX) return known;
  const statement = insertInto(columns);
  statements.set(key, statement);
  return statement;
}

/** Each array is unnested in the target list: in the `from` clause, forty of them would be stored row by row first. */
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

/** Written here because the driver's own serializer, which looks at the type of every element, takes half the load's time. */
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
    // Of most columns neighbours are alike.
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
