// Encodes events as a Parquet file, and decodes such files. It uses zstd, which current readers support and whose files are
// half as large as with snappy.

import { type ColumnKind, type EnrichedEvent, STORE_COLUMNS } from "@behaviour/contract";
import { parquetMetadata, parquetReadObjects, type SchemaElement } from "hyparquet";
import { compressors as decompressors } from "hyparquet-compressors";
import { type ColdRow, PARQUET_SCHEMA } from "./columns.ts";
import { writeFile } from "./parquet-file/file.ts";

const ROW_GROUP_ROWS = 50_000;
const KNOWN = new Set(STORE_COLUMNS.map(({ column }) => column));
const [ROOT, ...ELEMENTS] = PARQUET_SCHEMA as [SchemaElement, ...SchemaElement[]];

/** Columns with bounds, by which a reader's filter skips row groups. Bounds of other columns would cost more than they save. */
const BOUNDED = new Set(["project", "message_id", "time", "received_at", "type", "event", "subject"]);

/** Encodes events, sorted by time, so that a reader's range finds its row groups by their bounds. */
export function encodeEvents(events: readonly EnrichedEvent[]): Uint8Array {
  const sorted = sortedBy(events, (event) => event.timeMs);
  // Values are collected by column. An object for each row would take as long as the encoding.
  return encode(STORE_COLUMNS.map(({ field, kind }) => valuesOf(sorted, field, kind)));
}

/** Encodes rows that were read from such files. */
export function encodeRows(rows: readonly ColdRow[]): Uint8Array {
  const sorted = sortedBy(rows, (row) => Number(row["time"]));
  return encode(STORE_COLUMNS.map(({ column, kind }) => valuesOf(sorted, column, kind)));
}

/** @param values the values of each column, in the contract's order */
function encode(values: readonly unknown[][]): Uint8Array {
  const columns = STORE_COLUMNS.map(({ column, kind }, index) => ({
    element: ELEMENTS[index] as SchemaElement,
    kind,
    bounded: BOUNDED.has(column),
    values: values[index] ?? [],
  }));
  return writeFile(ROOT, columns, ROW_GROUP_ROWS);
}

/** The values of a column: times in milliseconds, JSON as text, missing values as null. */
function valuesOf<T>(items: readonly T[], field: keyof T, kind: ColumnKind): unknown[] {
  const values = new Array<unknown>(items.length);
  // There is a plain loop for each kind, because a function call for each of an event's forty values costs as much as encoding
  // them.
  for (let row = 0; row < items.length; row++) values[row] = (items[row] as T)[field] ?? null;
  if (kind === "json") {
    for (let row = 0; row < values.length; row++) if (values[row] !== null) values[row] = JSON.stringify(values[row]);
  } else if (kind === "timestamp") {
    for (let row = 0; row < values.length; row++) if (values[row] !== null) values[row] = Number(values[row]);
  }
  return values;
}

/** Events of the stream are nearly always in order. */
function sortedBy<T>(items: readonly T[], timeOf: (item: T) => number): readonly T[] {
  let latest = -Infinity;
  for (const item of items) {
    const time = timeOf(item);
    if (time < latest) return items.toSorted((a, b) => timeOf(a) - timeOf(b));
    latest = time;
  }
  return items;
}

/**
 * The rows of a file of this schema or of an older schema, which has fewer columns. Null for a newer schema, because its
 * additional columns would be lost when the file is rewritten. @throws if the bytes are not a Parquet file.
 */
export async function decodeParquet(bytes: Uint8Array): Promise<ColdRow[] | null> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const [, ...columns] = parquetMetadata(file).schema;
  if (columns.some(({ name }) => !KNOWN.has(name))) return null;
  return (await parquetReadObjects({ file, compressors: decompressors })) as ColdRow[];
}

/** The column `message_id` alone. @throws if the bytes are not a Parquet file. */
export async function decodeMessageIds(bytes: Uint8Array): Promise<string[]> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const columns = ["message_id"];
  const rows = await parquetReadObjects({ file, compressors: decompressors, columns });
  return rows.map((row) => String(row["message_id"]));
}
