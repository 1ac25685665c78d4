// Collects the results of some records until they are written, and the counts of an invocation.

import type { ShardCounters } from "@behaviour/contract";
import type { KeptFailure } from "../failed/index.ts";
import { originShard } from "../stream/shard-name.ts";
import type { RawRecord } from "./record.ts";
import { RecordTally } from "./tally.ts";

/** Counts of events, except `records`. `received` = `processed` + `failed` + `redelivered`. */
export interface ProcessedCounts {
  records: number;
  received: number;
  processed: number;
  failed: number;
  /** Redeliveries of events that went through before, and repeated replays. */
  redelivered: number;
  /** Failed events that broke their project's plan. */
  quarantined: number;
  /** Processed events that broke their project's plan. They carry a mark. */
  warned: number;
}

export class Slice {
  records = 0;
  redelivered = 0;
  quarantined = 0;
  warned = 0;
  /** Enriched events as JSON, in order. */
  lines: string[] = [];
  chars = 0;
  /** By origin. The record and the stage name the file, so a second run replaces it with an equal file. */
  failed = new Map<string, KeptFailure[]>();
  failures = 0;
  counters: ShardCounters[] = [];
  readonly tally = new RecordTally();

  addLine(line: string): void {
    this.lines.push(line);
    this.chars += line.length;
  }

  addFailed({ rawShard, sequenceNumber }: RawRecord, events: readonly KeptFailure[]): void {
    if (events.length === 0) return;
    const origin = `${originShard(rawShard)}-${sequenceNumber}-process`;
    this.failed.set(origin, [...(this.failed.get(origin) ?? []), ...events]);
    this.failures += events.length;
  }
}

export function addSlice(counts: ProcessedCounts, slice: Slice): void {
  const { records, lines, failures, redelivered } = slice;
  counts.records += records;
  counts.received += lines.length + failures + redelivered;
  counts.processed += lines.length;
  counts.failed += failures;
  counts.redelivered += redelivered;
  counts.quarantined += slice.quarantined;
  counts.warned += slice.warned;
}
