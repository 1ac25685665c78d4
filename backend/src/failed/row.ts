// Writes and reads failed events as rows of the Parquet files that people read. Column names are those of every other store
// (docs/API_DOCUMENTATION.md#the-stores-as-interfaces).

import { type FailedEvent, failureKind } from "@behaviour/contract";
import { parquetReadObjects } from "hyparquet";
import { type ColumnSource, parquetWriteBuffer } from "hyparquet-writer";

/** A failed event as a stage returns it. `original` is the line of the raw stream that would bring it to the stage again. */
export interface KeptFailure extends FailedEvent {
  original?: string;
}

/** A failed event as it is read back. `sealed` is null if the original was not kept. */
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

/** An event lacks these columns where they have no value, and a file that is older than a column lacks it too. */
const OPTIONAL_COLUMNS: readonly Column[] = [
  { name: "limit", field: "limit", kind: "text", nullable: true },
  { name: "actual", field: "actual", kind: "text", nullable: true },
  { name: "plan_version", field: "planVersion", kind: "number", nullable: true },
  { name: "subject", field: "subject", kind: "text", nullable: true },
];

const TYPES = { text: "STRING", timestamp: "TIMESTAMP", boolean: "BOOLEAN", number: "INT32" } as const;

/** One Parquet file, Snappy. @param seal returns an event's sealed original, or null if the event has no original */
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

/** @throws if the bytes are not a Parquet file that `encodeFailedEvents` wrote. */
export async function decodeFailedEvents(file: Uint8Array): Promise<SealedFailure[]> {
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
  // Binary columns must stay bytes.
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
