// A failed event as a row of the Parquet files that people read: column names as in every other store (docs/API_DOCUMENTATION.md#the-stores-as-interfaces).

import { type FailedEvent, failureKind } from "@behaviour/contract";
import { parquetReadObjects } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";

/** As it comes out of a stage: with its original, the line of the raw stream that would bring it there again. */
export interface KeptFailure extends FailedEvent {
  original?: string;
}

/** As it is read back. Null when its original was not kept. */
export interface SealedFailure {
  event: FailedEvent;
  sealed: Uint8Array | null;
}

type Kind = "text" | "timestamp" | "boolean" | "number";

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

/** Absent from an event rather than null, and from files that are older than they are. */
const OPTIONAL_COLUMNS: readonly Column[] = [
  { name: "limit", field: "limit", kind: "text", nullable: true },
  { name: "actual", field: "actual", kind: "text", nullable: true },
  { name: "plan_version", field: "planVersion", kind: "number", nullable: true },
  { name: "subject", field: "subject", kind: "text", nullable: true },
];

const TYPES = { text: "STRING", timestamp: "TIMESTAMP", boolean: "BOOLEAN", number: "INT32" } as const;

/** One Parquet file, Snappy. @param seal gives the bytes that stand for an original, null for an event that has none */
export function encodeFailedEvents(
  events: readonly KeptFailure[],
  seal: (event: KeptFailure) => Uint8Array | null,
): Uint8Array {
  const columnData: ColumnSource[] = [...COLUMNS, ...OPTIONAL_COLUMNS].map(({ name, field, kind, nullable }) => ({
    name,
    data: events.map((event) => (kind === "timestamp" ? dateOf(event[field]) : (event[field] ?? null))),
    type: TYPES[kind],
    nullable,
  }));
  columnData.push(
    { name: "kind", data: events.map(({ code }) => failureKind(code)), type: "STRING", nullable: false },
    { name: "original", data: events.map(seal), type: "BYTE_ARRAY", nullable: true },
  );
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}

/** @throws when the bytes are no Parquet file of ours. */
export async function decodeFailedEvents(file: Uint8Array): Promise<SealedFailure[]> {
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
  // Bytes that are no text stay bytes.
  const rows = await parquetReadObjects({ file: bytes, utf8: false });
  return rows.map((row) => {
    const event: Record<string, unknown> = {};
    for (const { name, field, kind } of COLUMNS) {
      const value: unknown = row[name] ?? null;
      event[field] = kind === "timestamp" && value instanceof Date ? value.getTime() : value;
    }
    for (const { name, field } of OPTIONAL_COLUMNS) {
      const value: unknown = row[name] ?? null;
      if (value !== null) event[field] = value;
    }
    const sealed: unknown = row["original"];
    return { event: event as unknown as FailedEvent, sealed: sealed instanceof Uint8Array ? sealed : null };
  });
}

function dateOf(ms: unknown): Date | null {
  return typeof ms === "number" ? new Date(ms) : null;
}
