// Writes an export in one of three formats, page by page, so that an export is never complete in memory: NDJSON as the listing
// shows events, CSV and Parquet with the columns that every store has (docs/API_DOCUMENTATION.md#the-stores-as-interfaces).

import { STORE_COLUMNS } from "@behaviour/contract";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { Row } from "postgres";
import { PARQUET_SCHEMA } from "../tiers/cold/columns.ts";
import { toListedEvent } from "./events.ts";

export const EXPORT_FORMATS = ["ndjson", "csv", "parquet"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportWriter {
  contentType: string;
  /** Before the first page. */
  begin(): Uint8Array;
  page(rows: readonly Row[]): Uint8Array;
  /** After the last page. Without it the file is incomplete, and Parquet readers report that. */
  end(): Uint8Array;
}

const encoder = new TextEncoder();
const NOTHING = new Uint8Array();

export function exportWriter(format: ExportFormat): ExportWriter {
  if (format === "ndjson") return ndjsonWriter();
  return format === "csv" ? csvWriter() : parquetWriter();
}

function ndjsonWriter(): ExportWriter {
  return {
    contentType: "application/x-ndjson",
    begin: () => NOTHING,
    page: (rows) => encoder.encode(rows.map((row) => `${JSON.stringify(toListedEvent(row))}\n`).join("")),
    end: () => NOTHING,
  };
}

function csvWriter(): ExportWriter {
  const names = STORE_COLUMNS.map(({ column }) => column);
  const lineOf = (row: Row) => `${names.map((name) => csvCell(row[name])).join(",")}\r\n`;
  return {
    contentType: "text/csv; charset=utf-8; header=present",
    begin: () => encoder.encode(`${names.join(",")}\r\n`),
    page: (rows) => encoder.encode(rows.map(lineOf).join("")),
    end: () => NOTHING,
  };
}

/** A spreadsheet runs a cell as a formula if it begins with such a character (OWASP, "CSV Injection"). */
const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** RFC 4180. Senders choose the texts of events, so a text that would run as a formula gets a leading apostrophe. */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = csvText(value);
  const guarded = FORMULA.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

function csvText(value: unknown): string {
  if (typeof value === "string") return value;
  return value instanceof Date ? value.toISOString() : JSON.stringify(value);
}

function parquetWriter(): ExportWriter {
  const bytes = new ByteWriter();
  const parquet = new ParquetWriter({ writer: bytes, schema: PARQUET_SCHEMA, createdBy: "behaviour export" });
  const take = () => {
    const taken = bytes.getBytes().slice();
    // The writer keeps counting its offset. Only its memory is reused.
    bytes.index = 0;
    return taken;
  };
  return {
    contentType: "application/vnd.apache.parquet",
    begin: take,
    page: (rows) => {
      const columnData = STORE_COLUMNS.map(({ column }) => ({
        name: column,
        data: rows.map((row): unknown => row[column]),
      }));
      void parquet.write({ columnData, rowGroupSize: rows.length });
      return take();
    },
    end: () => {
      void parquet.finish();
      return take();
    },
  };
}
