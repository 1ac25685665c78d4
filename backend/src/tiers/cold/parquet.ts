// Events to the bytes of a Parquet file and back. zstd, which every reader of today knows and which halves what snappy makes.

import { constants, zstdCompressSync } from "node:zlib";
import { type ColumnKind, type EnrichedEvent, STORE_COLUMNS } from "@behaviour/contract";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors as decompressors } from "hyparquet-compressors";
import { parquetWriteBuffer } from "hyparquet-writer";
import { PARQUET_SCHEMA, type Row } from "./columns.ts";

const ROW_GROUP_ROWS = 50_000;
const ZSTD_LEVEL = 3;
/** JSON that many events have alike. */
const REPEATING = new Set(["context", "traits"]);
const KNOWN = new Set(STORE_COLUMNS.map(({ column }) => column));

/** Columns that a reader's filter can skip row groups by; bounds of the others would cost a tenth of the writing. */
const BOUNDED = new Set(["project", "message_id", "time", "received_at", "type", "event", "subject"]);

/** A file of events, sorted by time, so that a reader's range finds its row groups by their bounds. */
export function encodeEvents(events: readonly EnrichedEvent[]): Uint8Array {
  const sorted = sortedBy(events, (event) => event.timeMs);
  // By column from the start: an object for each row on the way would take as long as the writing.
  return encode(
    STORE_COLUMNS.map(({ field, kind, column }) => {
      const values = sorted.map((event) => physical(kind, event[field]));
      return REPEATING.has(column) ? shared(values) : values;
    }),
  );
}

/** Equal values as one and the same object, which the writer turns into bytes once. */
function shared(values: readonly unknown[]): unknown[] {
  const first = new Map<string, unknown>();
  return values.map((value) => {
    const text = JSON.stringify(value);
    const known = first.get(text);
    if (known !== undefined) return known;
    first.set(text, value);
    return value;
  });
}

/** The same of rows that were read from such files. */
export function encodeRows(rows: readonly Row[]): Uint8Array {
  const sorted = sortedBy(rows, (row) => Number(row["time"]));
  return encode(STORE_COLUMNS.map(({ column, kind }) => sorted.map((row) => physical(kind, row[column]))));
}

/** @param values of each column, in the contract's order */
function encode(values: readonly unknown[][]): Uint8Array {
  const bytes = parquetWriteBuffer({
    columnData: STORE_COLUMNS.map(({ column }, index) => ({
      name: column,
      data: values[index] ?? [],
      statistics: BOUNDED.has(column),
    })),
    schema: PARQUET_SCHEMA,
    codec: "ZSTD",
    compressors: { ZSTD: compress },
    rowGroupSize: ROW_GROUP_ROWS,
    createdBy: "behaviour cold tier",
  });
  return new Uint8Array(bytes);
}

/** Times as the 64-bit integers they are stored as. */
function physical(kind: ColumnKind, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  return kind === "timestamp" ? BigInt(Number(value)) : value;
}

/** What comes by the stream is nearly always in order already. */
function sortedBy<T>(items: readonly T[], timeOf: (item: T) => number): readonly T[] {
  let latest = -Infinity;
  for (const item of items) {
    const time = timeOf(item);
    if (time < latest) return items.toSorted((a, b) => timeOf(a) - timeOf(b));
    latest = time;
  }
  return items;
}

function compress(input: Uint8Array): Uint8Array {
  return zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
}

/**
 * The rows of a file of this schema or of an older one, which lacks columns; null for a newer one: what it has beyond ours
 * would be lost by writing it anew. @throws when the bytes are no Parquet file.
 */
export async function decodeParquet(bytes: Uint8Array): Promise<Row[] | null> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const [, ...columns] = parquetMetadata(file).schema;
  if (columns.some(({ name }) => !KNOWN.has(name))) return null;
  return (await parquetReadObjects({ file, compressors: decompressors })) as Row[];
}

/** The column `message_id` alone. @throws when the bytes are no Parquet file. */
export async function decodeMessageIds(bytes: Uint8Array): Promise<string[]> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const columns = ["message_id"];
  const rows = await parquetReadObjects({ file, compressors: decompressors, columns });
  return rows.map((row) => String(row["message_id"]));
}
