// When and what a shard flushes: the policy above the sink. Pure decisions; flusher.ts does the I/O.

import { compressMember, REDELIVERY_MARK, TUNINGS } from "@behaviour/contract";
import type { RecordOutcome, SinkRecord } from "../sink/sink.ts";
import type { Row } from "./rows.ts";

/** Between two calls of which the first was taken in part: the stream works, and must not be asked without a breath. */
export const PARTIAL_PAUSE_MS = 60;

const BACKOFF_FIRST_MS = 200;

/** Full jitter: many shards fail together and must not come back together. */
export function backoffMs(failuresInARow: number, random: () => number = Math.random): number {
  const ceiling = Math.min(TUNINGS.flushBackoffMaxMs, BACKOFF_FIRST_MS * 2 ** Math.min(failuresInARow - 1, 20));
  return Math.ceil(ceiling * (0.5 + random() / 2));
}

const MARK_MEMBER = compressMember(new TextEncoder().encode(`${JSON.stringify(REDELIVERY_MARK)}\n`));

/**
 * The row as a record. When an earlier try may have arrived, a member with the redelivery mark follows the row's own bytes:
 * members side by side are one valid frame, so the row itself is never opened.
 */
export function toRecord(shardName: string, row: Row, mayHaveArrived: boolean): SinkRecord {
  const partitionKey = `${shardName}/${row.boot}.${row.seq}`;
  if (!mayHaveArrived) return { partitionKey, data: row.frame };
  const data = new Uint8Array(row.frame.byteLength + MARK_MEMBER.byteLength);
  data.set(row.frame);
  data.set(MARK_MEMBER, row.frame.byteLength);
  return { partitionKey, data };
}

export interface FlushOutcome {
  stored: Row[];
  /** Surely not taken. */
  refused: Row[];
  /** May have arrived: the next try carries the mark. */
  unknown: Row[];
}

export function sortOutcomes(rows: readonly Row[], outcomes: readonly RecordOutcome[]): FlushOutcome {
  const sorted: FlushOutcome = { stored: [], refused: [], unknown: [] };
  for (const [index, row] of rows.entries()) sorted[outcomes[index] ?? "unknown"].push(row);
  return sorted;
}
