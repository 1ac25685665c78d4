// Counts the outcomes of each record's events, by project and minute of receipt. The counts are stored with the processor's
// ledger and read by the reconciliation (../reconcile). They are kept per record, because another invocation may file a record
// again, and it must count once. Pure.

import { gunzipSync, gzipSync } from "node:zlib";
import type { KeptFailure } from "../failed/index.ts";
import type { DecodedRecord } from "./decode.ts";
import type { PendingEvent } from "./pseudonymise.ts";
import type { BrokenEvent } from "./quarantine.ts";
import type { RawRecord } from "./record.ts";

const MINUTE_MS = 60_000;

/** Counts of events of one record, one project and one minute. */
export interface RecordCount {
  sequenceNumber: string;
  project: string;
  minuteMs: number;
  processed: number;
  failed: number;
  /** Dropped as redeliveries of events that went through before. */
  redelivered: number;
  /** Processed or failed events that may have come out before, by a redelivery or a replay. */
  repeated: number;
}

/** The parts of a handled record that are counted. */
interface Counted {
  record: RawRecord;
  pending: readonly Pick<PendingEvent, "enrichment">[];
  broken: readonly Pick<BrokenEvent, "site">[];
  failed: readonly KeptFailure[];
}

/** The key of a count. */
interface Place {
  sequenceNumber: string;
  project: string;
  receivedAtMs: number;
}

type Outcome = "processed" | "failed" | "redelivered";

export class RecordTally {
  readonly #counts = new Map<string, RecordCount>();
  /** All records seen. A record without events must count as done too. */
  readonly #records = new Set<string>();
  #last: RecordCount | undefined;

  addDropped({ record, lines }: DecodedRecord): void {
    const { sequenceNumber, arrivedAtMs } = record;
    this.#records.add(sequenceNumber);
    for (const line of lines) {
      if (line.kind === "envelope") {
        const { project, receivedAtMs, shape, body } = line.envelope;
        const batch = shape === "batch" ? body.batch : undefined;
        const events = Array.isArray(batch) ? batch.length : 1;
        this.#add({ sequenceNumber, project, receivedAtMs }, "redelivered", events);
      } else {
        const { project, receivedAtMs } = line.failed(0);
        this.#add({ sequenceNumber, project, receivedAtMs: receivedAtMs ?? arrivedAtMs }, "redelivered", 1);
      }
    }
  }

  addHandled({ record, pending, broken, failed }: Counted, mayRepeat: boolean): void {
    const { sequenceNumber, arrivedAtMs } = record;
    this.#records.add(sequenceNumber);
    for (const { enrichment } of pending) {
      const { project, receivedAtMs } = enrichment;
      this.#add({ sequenceNumber, project, receivedAtMs }, "processed", 1, mayRepeat);
    }
    for (const { site } of broken) {
      const receivedAtMs = site.receivedAtMs ?? arrivedAtMs;
      this.#add({ sequenceNumber, project: site.project, receivedAtMs }, "failed", 1, mayRepeat);
    }
    for (const { project, receivedAtMs } of failed) {
      this.#add({ sequenceNumber, project, receivedAtMs: receivedAtMs ?? arrivedAtMs }, "failed", 1, mayRepeat);
    }
  }

  /** Moves an event that was counted as processed but does not fit the stream. */
  moveToFailed(sequenceNumber: string, project: string, receivedAtMs: number): void {
    const place = { sequenceNumber, project, receivedAtMs };
    this.#add(place, "processed", -1);
    this.#add(place, "failed", 1);
  }

  /** The counts of these records; null if this tally has not seen one of the records. */
  of(sequenceNumbers: readonly string[]): RecordCount[] | null {
    if (sequenceNumbers.some((sequenceNumber) => !this.#records.has(sequenceNumber))) return null;
    const wanted = new Set(sequenceNumbers);
    return [...this.#counts.values()].filter(({ sequenceNumber }) => wanted.has(sequenceNumber));
  }

  merge(other: RecordTally): void {
    for (const sequenceNumber of other.#records) this.#records.add(sequenceNumber);
    for (const [name, count] of other.#counts) this.#counts.set(name, count);
  }

  #add({ sequenceNumber, project, receivedAtMs }: Place, outcome: Outcome, events: number, mayRepeat = false): void {
    const minuteMs = Math.floor(receivedAtMs / MINUTE_MS) * MINUTE_MS;
    const count = this.#countOf(sequenceNumber, project, minuteMs);
    count[outcome] += events;
    if (mayRepeat) count.repeated += events;
  }

  #countOf(sequenceNumber: string, project: string, minuteMs: number): RecordCount {
    const last = this.#last;
    // Runs for every event. A record belongs to one project and nearly always to one minute.
    const isSame = last?.sequenceNumber === sequenceNumber && last.minuteMs === minuteMs && last.project === project;
    if (isSame) return last;
    const name = `${sequenceNumber} ${minuteMs} ${project}`;
    let count = this.#counts.get(name);
    if (count === undefined) {
      count = { sequenceNumber, project, minuteMs, processed: 0, failed: 0, redelivered: 0, repeated: 0 };
      this.#counts.set(name, count);
    }
    this.#last = count;
    return count;
  }
}

type Packed = [record: number, project: number, minute: number, ...counts: number[]];

/** Packs into a few bytes per record: each project name once, records by their index. */
export function packCounts(sequenceNumbers: readonly string[], counts: readonly RecordCount[]): Uint8Array {
  const places = new Map(sequenceNumbers.map((sequenceNumber, place) => [sequenceNumber, place]));
  const projects = [...new Set(counts.map(({ project }) => project))];
  const named = new Map(projects.map((project, place) => [project, place]));
  const rows = counts.map(({ sequenceNumber, project, minuteMs, processed, failed, redelivered, repeated }): Packed => {
    const [record, name] = [places.get(sequenceNumber) ?? 0, named.get(project) ?? 0];
    return [record, name, minuteMs / MINUTE_MS, processed, failed, redelivered, repeated];
  });
  return gzipSync(JSON.stringify({ done: sequenceNumbers.length, projects, rows }));
}

export interface UnpackedCounts {
  /** Number of the item's records that are done, counted from the first. */
  done: number;
  counts: RecordCount[];
}

/** @throws if the bytes were not written by `packCounts`. */
export function unpackCounts(sequenceNumbers: readonly string[], packed: Uint8Array): UnpackedCounts {
  const { done, projects, rows } = JSON.parse(gunzipSync(packed).toString()) as {
    done: number;
    projects: string[];
    rows: Packed[];
  };
  const counts = rows.map(([record, project, minute, processed = 0, failed = 0, redelivered = 0, repeated = 0]) => ({
    sequenceNumber: sequenceNumbers[record] ?? "",
    project: projects[project] ?? "",
    minuteMs: minute * MINUTE_MS,
    processed,
    failed,
    redelivered,
    repeated,
  }));
  return { done, counts };
}
