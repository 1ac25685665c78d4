// Enriched events as columns of the table `event`, for one `insert … select from unnest(…)`: forty parameters whatever the
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

interface WarmColumn {
  name: string;
  type: string;
  value: (event: EnrichedEvent) => string | null;
}

const COLUMNS: readonly WarmColumn[] = [
  ...STORE_COLUMNS.map(({ column, field, kind }) => ({
    name: column,
    type: TYPES[kind],
    value: (event: EnrichedEvent) => textOf(event[field], kind),
  })),
  { name: "label", type: "text", value: eventLabel },
  { name: "raw_shard", type: "text", value: (event) => event.rawShard },
  { name: "raw_position", type: "text", value: (event) => event.position },
];

/**
 * `$1`, `$2` … are the columns' arrays, as `columnArrays` gives them. Answers how many rows are new, by project and minute of
 * receipt.
 */
export const INSERT_EVENTS = `with inserted as (
  insert into event (${COLUMNS.map(({ name }) => name).join(", ")})
  select * from unnest(${COLUMNS.map(({ type }, index) => `$${index + 1}::${type}[]`).join(", ")})
  on conflict do nothing
  returning project, received_at
)
select project, (floor(extract(epoch from received_at) / 60) * 60000)::float8 as minute_ms, count(*)::int as events
from inserted group by 1, 2`;

/** One Postgres array literal for each column. @throws RangeError for a time that no date can hold. */
export function columnArrays(events: readonly EnrichedEvent[]): string[] {
  return COLUMNS.map(({ value }) => arrayLiteral(events, value));
}

function textOf(value: unknown, kind: ColumnKind): string | null {
  if (value === null || value === undefined) return null;
  if (kind === "timestamp") return new Date(value as number).toISOString();
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Written here because the driver's own serializer, which looks at the type of every element, takes half the load's time. */
function arrayLiteral(events: readonly EnrichedEvent[], value: (event: EnrichedEvent) => string | null): string {
  let literal = "{";
  for (const [index, event] of events.entries()) {
    if (index > 0) literal += ",";
    const text = value(event);
    literal += text === null ? "NULL" : quoted(text);
  }
  return `${literal}}`;
}

const SPECIAL = /["\\]/;
const EACH_SPECIAL = /["\\]/g;

function quoted(text: string): string {
  return SPECIAL.test(text) ? `"${text.replace(EACH_SPECIAL, "\\$&")}"` : `"${text}"`;
}
