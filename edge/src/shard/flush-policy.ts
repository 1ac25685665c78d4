// Decides when and what a shard flushes: the policy above the sink. The functions are pure; flusher.ts does the I/O.

import { compressMember, REDELIVERY_MARK, TUNINGS } from "@behaviour/contract";
import type { RecordOutcome, SinkRecord } from "../sink/sink.ts";
import type { Row } from "./rows.ts";

/** Pause after a call whose records were stored only in part. The stream works, but must not be called without a pause. */
export const PARTIAL_PAUSE_MS = 60;

const BACKOFF_FIRST_MS = 200;

/** Up to half of the wait is random: many shards fail together and must not retry together. */
export function backoffMs(failuresInARow: number, random: () => number = Math.random): number {
  const ceiling = Math.min(TUNINGS.flushBackoffMaxMs, BACKOFF_FIRST_MS * 2 ** Math.min(failuresInARow - 1, 20));
  return Math.ceil(ceiling * (0.5 + random() / 2));
}

const MARK_MEMBER = compressMember(new TextEncoder().encode(`${JSON.stringify(REDELIVERY_MARK)}\n`));

/**
 * Turns a row into a record. If an earlier attempt may have arrived, a gzip member with the redelivery mark follows the row's own
 * bytes. Concatenated members are one valid frame, so the row itself is never unpacked.
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
  /** Certainly not stored. */
  refused: Row[];
  /** May have arrived: the next attempt carries the mark. */
  unknown: Row[];
}

export function sortOutcomes(rows: readonly Row[], outcomes: readonly RecordOutcome[]): FlushOutcome {
  const sorted: FlushOutcome = { stored: [], refused: [], unknown: [] };
  for (const [index, row] of rows.entries()) sorted[outcomes[index] ?? "unknown"].push(row);
  return sorted;
}
