// The processor: raw stream in, enriched stream out. The stages in their order:
//
//   decode          a record's frame into its lines                            decode.ts
//   ledger          drop second tries of rows that went through                ledger.ts
//   unpack          an envelope into its events, judged and cleaned            unpack.ts, sanitize.ts
//   enrich          time, user agent, referrer, campaign, page, geography      enrich.ts, enrich/
//   pseudonymise    ids into surrogates                                        ../vault
//   suspect         may it be a copy that came another way?                    suspect.ts
//   store failures  what could not be processed, with its reason               ../failed
//   emit            frames onto the enriched stream                            emit.ts
//
// Bad data is a value: it ends as a failed event and disturbs nothing. An infrastructure fault is thrown; the records from
// the first unfinished slice on are then run again, which is safe: every write has a name that a second run repeats.

import { ENRICHED_VERSION, type EnrichedEvent, type FailedEvent, position } from "@behaviour/contract";
import type { FailedEventStore } from "../failed/store.ts";
import type { Subjects, Vault } from "../vault/index.ts";
import { type DecodedRecord, decodeRecord } from "./decode.ts";
import { type EnrichedStream, fitsRecord, packFrames } from "./emit.ts";
import { type Enrichment, enrich } from "./enrich.ts";
import { failedEvent } from "./failure.ts";
import type { FiledInvocation, RedeliveryLedger } from "./ledger.ts";
import type { RawRecord } from "./record.ts";
import { isSuspect } from "./suspect.ts";
import { type Identity, unpackEnvelope } from "./unpack.ts";

export interface ProcessorParts {
  ledger: Pick<RedeliveryLedger, "file">;
  vault: Pick<Vault, "resolve">;
  failedEvents: Pick<FailedEventStore, "storeAll">;
  enriched: Pick<EnrichedStream, "put">;
  nowMs(): number;
}

/** Events, save `records`. `received` = `processed` + `failed` + `redelivered`. */
export interface ProcessedCounts {
  records: number;
  received: number;
  processed: number;
  failed: number;
  redelivered: number;
}

export interface ProcessOutcome {
  counts: ProcessedCounts;
  /** Sequence number of the first record that is not done; null when all are. */
  resumeAt: string | null;
  /** Why it stopped, when not for lack of time. */
  fault: unknown;
}

/** Text taken through the stages at a time: few enough events that they die young, which halves the collector's work. */
const STEP_CHARS = 512 * 1024;
/** Enriched text put at a time: fills some records, bounds memory, and is what a deadline can throw away. */
const SLICE_CHARS = 8 * 1024 * 1024;
/** A slice is begun only while so much time is left, or twice what the slowest one took. */
const RESERVE_MS = 5_000;

/**
 * Runs the records of one invocation, all of one raw shard, in order.
 * @throws an infrastructure fault when nothing was done; one that comes later stands in the outcome.
 */
export async function processRecords(
  parts: ProcessorParts,
  records: readonly RawRecord[],
  remainingMs: () => number,
): Promise<ProcessOutcome> {
  const counts: ProcessedCounts = { records: 0, received: 0, processed: 0, failed: 0, redelivered: 0 };
  if (records.length === 0) return { counts, resumeAt: null, fault: null };
  const filed = await parts.ledger.file(records);
  let slowestMs = 0;
  let next = 0;
  while (next < records.length) {
    const resumeAt = records[next]?.sequenceNumber ?? null;
    if (next > 0 && remainingMs() < Math.max(RESERVE_MS, 2 * slowestMs)) return { counts, resumeAt, fault: null };
    const startedMs = performance.now();
    const slice = new Slice();
    try {
      while (slice.chars < SLICE_CHARS && next + slice.records < records.length) {
        await processStep(parts, filed, decodeStep(records, next + slice.records), slice);
      }
      await parts.failedEvents.storeAll(slice.failed);
      await parts.enriched.put(records[next]?.rawShard ?? "", packFrames(slice.lines));
    } catch (fault) {
      if (next === 0) throw fault;
      return { counts, resumeAt, fault };
    }
    next += slice.records;
    addCounts(counts, slice);
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return { counts, resumeAt: null, fault: null };
}

/** What was made of some records and is not written yet. */
class Slice {
  records = 0;
  redelivered = 0;
  /** Enriched events as JSON, in order. */
  lines: string[] = [];
  chars = 0;
  /** By origin: the record and the stage name the file, so a second run replaces it by its like. */
  failed = new Map<string, FailedEvent[]>();
  failures = 0;

  addLine(line: string): void {
    this.lines.push(line);
    this.chars += line.length;
  }

  addFailed({ rawShard, sequenceNumber }: RawRecord, events: readonly FailedEvent[]): void {
    if (events.length === 0) return;
    const origin = `${rawShard}-${sequenceNumber}-process`;
    this.failed.set(origin, [...(this.failed.get(origin) ?? []), ...events]);
    this.failures += events.length;
  }
}

function decodeStep(records: readonly RawRecord[], from: number): DecodedRecord[] {
  const step: DecodedRecord[] = [];
  let chars = 0;
  for (let next = from; next < records.length && chars < STEP_CHARS; next++) {
    const decoded = decodeRecord(records[next] as RawRecord);
    chars += decoded.textChars;
    step.push(decoded);
  }
  return step;
}

async function processStep(
  parts: ProcessorParts,
  filed: FiledInvocation,
  step: readonly DecodedRecord[],
  slice: Slice,
): Promise<void> {
  const { originals, redelivered } = await dropRedelivered(filed, step);
  const prepared = originals.map(prepareRecord);
  const pending = prepared.flatMap((record) => record.pending);
  const subjects = await parts.vault.resolve(pending.map((event) => event.identity));
  const processedAtMs = parts.nowMs();
  slice.records += step.length;
  slice.redelivered += redelivered;
  for (const { record, failed } of prepared) slice.addFailed(record, failed);
  for (const [index, event] of pending.entries()) {
    const line = JSON.stringify(assemble(event, subjects[index] as Subjects, processedAtMs));
    if (fitsRecord(line)) slice.addLine(line);
    else slice.addFailed(event.record, [oversized(event)]);
  }
}

async function dropRedelivered(
  filed: FiledInvocation,
  slice: readonly DecodedRecord[],
): Promise<{ originals: DecodedRecord[]; redelivered: number }> {
  const originals: DecodedRecord[] = [];
  let redelivered = 0;
  for (const decoded of slice) {
    if (decoded.isMarked && (await filed.isCopy(decoded.record, oldestReceiptMs(decoded)))) {
      redelivered += countEvents(decoded);
    } else {
      originals.push(decoded);
    }
  }
  return { originals, redelivered };
}

function oldestReceiptMs({ record, lines }: DecodedRecord): number {
  let oldest = record.arrivedAtMs;
  for (const line of lines) if (line.kind === "envelope") oldest = Math.min(oldest, line.envelope.receivedAtMs);
  return oldest;
}

function countEvents({ lines }: DecodedRecord): number {
  let events = 0;
  for (const line of lines) {
    const batch = line.kind === "envelope" && line.envelope.shape === "batch" ? line.envelope.body.batch : undefined;
    events += Array.isArray(batch) ? batch.length : 1;
  }
  return events;
}

/** An event that lacks only its surrogates. */
interface PendingEvent {
  record: RawRecord;
  /** Among all events of its record, failed ones too, so that a second run counts the same. */
  index: number;
  isRetry: boolean;
  isRedelivered: boolean;
  identity: Identity;
  enrichment: Enrichment;
}

interface PreparedRecord {
  record: RawRecord;
  pending: PendingEvent[];
  failed: FailedEvent[];
}

function prepareRecord({ record, lines, isMarked }: DecodedRecord): PreparedRecord {
  const prepared: PreparedRecord = { record, pending: [], failed: [] };
  let index = 0;
  for (const line of lines) {
    if (line.kind === "unreadable") {
      prepared.failed.push(line.failed(index++));
      continue;
    }
    const { envelope } = line;
    for (const unpacked of unpackEnvelope(envelope, line.mayHoldEscapes)) {
      if (unpacked.ok) {
        const { identity } = unpacked.event;
        const enrichment = enrich(unpacked.event);
        prepared.pending.push({
          record,
          index,
          isRetry: envelope.retry,
          isRedelivered: isMarked,
          identity,
          enrichment,
        });
      } else {
        const { project, receivedAtMs } = envelope;
        const site = { record, index, project, messageId: unpacked.messageId, receivedAtMs };
        prepared.failed.push(failedEvent(site, unpacked.failure, unpacked.payload));
      }
      index++;
    }
  }
  return prepared;
}

function assemble(
  { record, index, isRetry, isRedelivered, enrichment }: PendingEvent,
  subjects: Subjects,
  processedAtMs: number,
): EnrichedEvent {
  const { timeMs, receivedAtMs } = enrichment;
  return {
    v: ENRICHED_VERSION,
    ...enrichment,
    processedAtMs,
    subject: subjects.subject,
    anonymousSubject: subjects.anonymousSubject,
    groupSubject: subjects.groupSubject,
    previousSubject: subjects.previousSubject,
    suspect: isSuspect({ isRetry, isRedelivered, timeMs, receivedAtMs, processedAtMs }),
    rawShard: record.rawShard,
    position: position(record.sequenceNumber, index),
  };
}

/** A batch's context of megabytes, merged into each of its events: no record can hold one. */
function oversized({ record, index, enrichment }: PendingEvent): FailedEvent {
  const { project, messageId, receivedAtMs, type, event, properties } = enrichment;
  const site = { record, index, project, messageId, receivedAtMs };
  const detail = "With its batch's context it is too large for the stream.";
  return failedEvent(
    site,
    { code: "invalid_event", pointer: "/context", detail },
    { type, messageId, event, properties },
  );
}

function addCounts(counts: ProcessedCounts, { records, lines, failures, redelivered }: Slice): void {
  counts.records += records;
  counts.received += lines.length + failures + redelivered;
  counts.processed += lines.length;
  counts.failed += failures;
  counts.redelivered += redelivered;
}
