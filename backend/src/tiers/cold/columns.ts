// The Parquet files' schema, from the one list of columns in the contract. Pure. Times are UTC with milliseconds, properties
// are text of JSON type, in both ways Parquet has of saying so (readers look at one or the other).

import { type ColumnKind, STORE_COLUMNS } from "@behaviour/contract";
import type { SchemaElement } from "hyparquet";

/** A row as it is read back, under the columns' names: times as `Date`, JSON as values. */
export type ColdRow = Record<string, unknown>;

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
