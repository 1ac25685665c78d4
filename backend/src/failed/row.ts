// A failed event as a row of the Parquet files that people read: column names as in every other store (API.md §9).

import type { FailedEvent } from "@behaviour/contract";
import { parquetReadObjects } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";

type Kind = "text" | "timestamp" | "boolean";

interface Column {
  name: string;
  field: keyof FailedEvent;
  kind: Kind;
  nullable: boolean;
}

const COLUMNS: readonly Column[] = [
  { name: "id", field: "id", kind: "text", nullable: false },
  { name: "project", field: "project", kind: "text", nullable: false },
  { name: "message_id", field: "messageId", kind: "text", nullable: true },
  { name: "code", field: "code", kind: "text", nullable: false },
  { name: "message", field: "message", kind: "text", nullable: false },
  { name: "pointer", field: "pointer", kind: "text", nullable: true },
  { name: "stage", field: "stage", kind: "text", nullable: false },
  { name: "failed_at", field: "failedAtMs", kind: "timestamp", nullable: false },
  { name: "received_at", field: "receivedAtMs", kind: "timestamp", nullable: true },
  { name: "payload", field: "payload", kind: "text", nullable: false },
  { name: "payload_cut", field: "payloadCut", kind: "boolean", nullable: false },
];

const TYPES = { text: "STRING", timestamp: "TIMESTAMP", boolean: "BOOLEAN" } as const;

/** One Parquet file, Snappy. */
export function encodeFailedEvents(events: readonly FailedEvent[]): Uint8Array {
  const columnData: ColumnSource[] = COLUMNS.map(({ name, field, kind, nullable }) => ({
    name,
    data: events.map((event) => (kind === "timestamp" ? dateOf(event[field]) : event[field])),
    type: TYPES[kind],
    nullable,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** @throws when the bytes are no Parquet file of ours. */
export async function decodeFailedEvents(file: Uint8Array): Promise<FailedEvent[]> {
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
  const rows = await parquetReadObjects({ file: bytes });
  return rows.map((row) => {
    const event: Record<string, unknown> = {};
    for (const { name, field, kind } of COLUMNS) {
      const value: unknown = row[name] ?? null;
      event[field] = kind === "timestamp" && value instanceof Date ? value.getTime() : value;
    }
    return event as unknown as FailedEvent;
  });
}

function dateOf(ms: unknown): Date | null {
  return typeof ms === "number" ? new Date(ms) : null;
}
