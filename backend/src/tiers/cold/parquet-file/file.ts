// A whole Parquet file from columns of values. A writer of our own for the four kinds of column that events have: what
// hyparquet-writer does for every type there is costs several times as much per value. Page headers, footer and the Thrift
// they are in are hyparquet-writer's.

import type { ColumnKind } from "@behaviour/contract";
import type { ColumnChunk, RowGroup, SchemaElement } from "hyparquet";
import { ByteWriter } from "hyparquet-writer";
import { writeMetadata } from "hyparquet-writer/src/metadata.js";
import { writeBooleans, writeTimes } from "./fixed-columns.ts";
import { type Texts, writeTexts } from "./text-column.ts";

const MAGIC = 0x31524150;
const FIRST_BYTES = 256 * 1024;
/** Texts are stored as UTF-8 up to this many bytes of their bounds. */
const BOUND_BYTES = 64;

export interface FileColumn {
  element: SchemaElement;
  kind: ColumnKind;
  /** Its bounds are in the footer, for readers that skip row groups. */
  bounded: boolean;
  /** Texts (JSON too), epoch milliseconds, or booleans, by kind; null where there is none. */
  values: readonly unknown[];
}

/** @param root the schema's first element @throws RangeError when there are no rows */
export function writeFile(root: SchemaElement, columns: readonly FileColumn[], rowsPerGroup: number): Uint8Array {
  const rows = columns[0]?.values.length ?? 0;
  if (rows === 0) throw new RangeError("a file holds at least one row");
  const writer = new ByteWriter(FIRST_BYTES);
  writer.appendUint32(MAGIC);
  const groups: RowGroup[] = [];
  for (let start = 0; start < rows; start += rowsPerGroup) {
    const end = Math.min(rows, start + rowsPerGroup);
    const chunks = columns.map((column) =>
      writeColumn(
        writer,
        start === 0 && end === rows ? column : { ...column, values: column.values.slice(start, end) },
      ),
    );
    groups.push(groupOf(chunks, end - start));
  }
  const schema = [root, ...columns.map(({ element }) => element)];
  const footer = { version: 2, created_by: "behaviour cold tier", schema, num_rows: BigInt(rows), row_groups: groups };
  writeMetadata(writer, { ...footer, metadata_length: 0 }, BOUND_BYTES);
  writer.appendUint32(MAGIC);
  return writer.getBytes();
}

function writeColumn(writer: ByteWriter, { element, kind, bounded, values }: FileColumn): ColumnChunk {
  if (kind === "timestamp") return writeTimes(writer, element, values as (number | null)[], bounded);
  if (kind === "boolean") return writeBooleans(writer, element, values as (boolean | null)[]);
  return writeTexts(writer, element, values as Texts, bounded);
}

function groupOf(columns: ColumnChunk[], rows: number): RowGroup {
  let bytes = 0n;
  let compressed = 0n;
  for (const { meta_data } of columns) {
    bytes += meta_data?.total_uncompressed_size ?? 0n;
    compressed += meta_data?.total_compressed_size ?? 0n;
  }
  return { columns, total_byte_size: bytes, num_rows: BigInt(rows), total_compressed_size: compressed };
}
