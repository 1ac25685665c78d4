// The Parquet files' schema, from the one list of columns in the contract. Pure. Times are UTC with milliseconds, properties
// are text of JSON type, in both ways Parquet has of saying so (readers look at one or the other).

import { type ColumnKind, type EnrichedEvent, STORE_COLUMNS } from "@behaviour/contract";
import type { SchemaElement } from "hyparquet";

/** A row under the columns' names: times as `Date`, JSON as values. */
export type Row = Record<string, unknown>;

const ELEMENTS: Record<ColumnKind, Omit<SchemaElement, "name">> = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  timestamp: {
    type: "INT64",
    converted_type: "TIMESTAMP_MILLIS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
  },
  boolean: { type: "BOOLEAN" },
  json: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
};

export const PARQUET_SCHEMA: SchemaElement[] = [
  { name: "root", num_children: STORE_COLUMNS.length },
  ...STORE_COLUMNS.map(
    ({ column, kind, nullable }): SchemaElement => ({
      name: column,
      repetition_type: nullable ? "OPTIONAL" : "REQUIRED",
      ...ELEMENTS[kind],
    }),
  ),
];

export function rowOf(event: EnrichedEvent): Row {
  const row: Row = {};
  for (const { column, field, kind } of STORE_COLUMNS) {
    const value = event[field];
    row[column] = kind === "timestamp" && typeof value === "number" ? new Date(value) : value;
  }
  return row;
}
