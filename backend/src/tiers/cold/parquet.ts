// Rows to the bytes of a Parquet file and back. zstd, which every reader of today knows and which halves what snappy makes.

import { constants, zstdCompressSync } from "node:zlib";
import { STORE_COLUMNS } from "@behaviour/contract";
import { parquetReadObjects } from "hyparquet";
import { compressors as decompressors } from "hyparquet-compressors";
import { parquetWriteBuffer } from "hyparquet-writer";
import { PARQUET_SCHEMA, type Row } from "./columns.ts";

const ROW_GROUP_ROWS = 50_000;
const ZSTD_LEVEL = 3;

/** Sorted by time, so that a reader's range finds its row groups by their bounds. */
export function encodeParquet(rows: readonly Row[]): Uint8Array {
  const sorted = [...rows].sort((a, b) => Number(a["time"]) - Number(b["time"]));
  const bytes = parquetWriteBuffer({
    columnData: STORE_COLUMNS.map(({ column }) => ({ name: column, data: sorted.map((row) => row[column] ?? null) })),
    schema: PARQUET_SCHEMA,
    codec: "ZSTD",
    compressors: { ZSTD: compress },
    rowGroupSize: ROW_GROUP_ROWS,
    createdBy: "behaviour cold tier",
  });
  return new Uint8Array(bytes);
}

function compress(input: Uint8Array): Uint8Array {
  return zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
}

/** @throws when the bytes are no Parquet file. */
export async function decodeParquet(bytes: Uint8Array): Promise<Row[]> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  return (await parquetReadObjects({ file, compressors: decompressors })) as Row[];
}

/** The column `message_id` alone. @throws when the bytes are no Parquet file. */
export async function decodeMessageIds(bytes: Uint8Array): Promise<string[]> {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const columns = ["message_id"];
  const rows = await parquetReadObjects({ file, compressors: decompressors, columns });
  return rows.map((row) => String(row["message_id"]));
}
