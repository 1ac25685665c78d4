// Decides which of the processor's counts are new. Records of a raw shard are counted in their order, each once: a record may
// be in the items of several invocations, and an invocation may have crashed before it counted. Pure.

import { unpackLedger } from "../process/redelivery-entry.ts";
import { type UnpackedCounts, unpackCounts } from "../process/tally.ts";

/** The item of one invocation. */
export interface FiledItem {
  /** The item's sort key: the arrival time of its first record. */
  sk: string;
  filedAtMs: number;
  records: Uint8Array;
  /** Absent while the invocation is in progress, and permanently if it crashed. */
  counts: Uint8Array | undefined;
}

export interface FlowCount {
  project: string;
  minuteMs: number;
  processed: number;
  failed: number;
  redelivered: number;
  repeated: number;
}

export interface Ingestion {
  counts: FlowCount[];
  /** Sequence number of the last counted record, and the place at which to continue. */
  checkpoint: FlowCheckpoint | null;
  /** Records that were never completed: they are in the failure destination, and a redrive counts them under its own name. */
  givenUp: number;
}

export interface FlowCheckpoint {
  sequence: bigint;
  /** Sort key of the record's item. */
  sk: string;
}

/** A record that is not completed is retried, and gets a new item, at least this often. */
const ABANDONED_MS = 10 * 60_000;

export function planIngestion(items: readonly FiledItem[], before: FlowCheckpoint | null, nowMs: number): Ingestion {
  const records = newRecords(items, before?.sequence ?? -1n);
  const ordered = [...records.values()].sort((a, b) => (a.sequence < b.sequence ? -1 : 1));
  const lastDone = ordered.findLastIndex(({ isDone }) => isDone);
  const sums = new Map<string, FlowCount>();
  let checkpoint = before;
  let givenUp = 0;
  for (const [index, record] of ordered.entries()) {
    if (!record.isDone) {
      // The stream is ordered: when a later record is done, this record is not delivered again, unless it is being processed now.
      if (index > lastDone || record.filedAtMs > nowMs - ABANDONED_MS) break;
      givenUp++;
    }
    for (const count of record.counts) addTo(sums, count);
    checkpoint = { sequence: record.sequence, sk: record.sk };
  }
  return { counts: [...sums.values()], checkpoint, givenUp };
}

interface NewRecord {
  sequence: bigint;
  sk: string;
  filedAtMs: number;
  isDone: boolean;
  counts: FlowCount[];
}

function newRecords(items: readonly FiledItem[], after: bigint): Map<bigint, NewRecord> {
  const records = new Map<bigint, NewRecord>();
  for (const { sk, filedAtMs, records: packed, counts: packedCounts } of items) {
    const sequences = unpackLedger(packed).map(({ sequenceNumber }) => sequenceNumber);
    const { done, counts } = countsOf(sequences, packedCounts);
    const byRecord = Map.groupBy(counts, ({ sequenceNumber }) => sequenceNumber);
    for (const [place, sequence] of sequences.entries()) {
      const known = records.get(sequence);
      if (sequence <= after || known?.isDone === true) continue;
      const isDone = place < done;
      const own = isDone ? (byRecord.get(String(sequence)) ?? []) : [];
      const latestMs = Math.max(filedAtMs, known?.filedAtMs ?? 0);
      records.set(sequence, { sequence, sk: known?.sk ?? sk, filedAtMs: latestMs, isDone, counts: own });
    }
  }
  return records;
}

function countsOf(sequences: readonly bigint[], packed: Uint8Array | undefined): UnpackedCounts {
  return packed === undefined ? { done: 0, counts: [] } : unpackCounts(sequences.map(String), packed);
}

function addTo(sums: Map<string, FlowCount>, count: FlowCount): void {
  const { project, minuteMs } = count;
  const name = `${minuteMs} ${project}`;
  const sum = sums.get(name) ?? { project, minuteMs, processed: 0, failed: 0, redelivered: 0, repeated: 0 };
  for (const field of ["processed", "failed", "redelivered", "repeated"] as const) sum[field] += count[field];
  sums.set(name, sum);
}
