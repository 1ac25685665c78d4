// The processor reads the raw stream and writes the enriched stream. Its stages, in order:
//
//   decode          splits a record's frame into its lines                     decode.ts
//   drop copies     drops redelivered rows and repeated replays                copies.ts, redelivery-ledger.ts
//   unpack          splits an envelope into its events, checks and cleans them unpack.ts, sanitize.ts
//   tracking plan   checks each event against the project's tracking plan      tracking-plan.ts, quarantine.ts, ../tracking-plan
//   personal data   masks phones, IBANs, national ids, or rejects the event    personal-data.ts, ../personal-data
//   enrich          time, user agent, referrer, campaign, page, geography      enrich.ts, enrich/
//   pseudonymise    replaces ids by surrogates, records which are one person   pseudonymise.ts, ../vault
//   suspect         marks an event that may be a duplicate                     suspect.ts
//   store failures  stores events that failed, with the reason                 ../failed
//   emit            puts frames onto the enriched stream                       emit.ts
//
// Bad data is a value: it becomes a failed event and does not affect other events. An infrastructure fault is thrown. The records
// from the first unfinished slice on are then run again. This is safe, because a second run repeats the name of every write.

import { isOn } from "@behaviour/contract";
import type { FailedEventStore, KeptFailure } from "../failed/index.ts";
import type { ReplayClaims } from "../replay/claims.ts";
import type { PlanJudge } from "../tracking-plan/judge.ts";
import type { PlanSource } from "../tracking-plan/source.ts";
import type { Subjects } from "../vault/index.ts";
import { dropCopies, eventsOf } from "./copies.ts";
import { type DecodedRecord, decodeRecord } from "./decode.ts";
import type { EdgeCounters } from "./edge-counters.ts";
import { type EnrichedStream, fitsRecord, packFrames } from "./emit.ts";
import { linksIdentities } from "./enrich/identity.ts";
import { enrich } from "./enrich.ts";
import { type FailureSite, failedEvent } from "./failure.ts";
import { RequestWork, redactEvent, refusedForPersonalData } from "./personal-data.ts";
import { assemble, oversized, type PendingEvent, pseudonymise, type VaultParts } from "./pseudonymise.ts";
import { type BrokenEvent, quarantine, quarantined } from "./quarantine.ts";
import type { RawRecord } from "./record.ts";
import type { FiledInvocation, RedeliveryLedger } from "./redelivery-ledger.ts";
import { originalLine } from "./replay-line.ts";
import { addSlice, type ProcessedCounts, Slice } from "./slice.ts";
import { RecordTally } from "./tally.ts";
import { applyPlan, projectsOf } from "./tracking-plan.ts";
import { type UnpackedEvent, unpackEnvelope } from "./unpack.ts";

export interface ProcessorParts extends VaultParts {
  ledger: Pick<RedeliveryLedger, "file" | "fileCounts">;
  replays: Pick<ReplayClaims, "take">;
  plans: Pick<PlanSource, "judges">;
  failedEvents: Pick<FailedEventStore, "storeAll">;
  enriched: Pick<EnrichedStream, "put">;
  edgeCounters: Pick<EdgeCounters, "store">;
  nowMs(): number;
}

export interface ProcessOutcome {
  counts: ProcessedCounts;
  /** Sequence number of the first unfinished record; null if all records are done. */
  resumeAt: string | null;
  /** The fault that stopped the run; null if it finished or ran out of time. */
  fault: unknown;
}

/** Text that goes through the stages at a time: few enough events to die young, which halves the garbage collector's work. */
const STEP_CHARS = 512 * 1024;
/** Enriched text that is put at a time. It fills some records, bounds memory, and is the most work that a deadline can waste. */
const SLICE_CHARS = 8 * 1024 * 1024;
/** A slice after the first starts only if this much time is left, and at least twice the time of the slowest slice. */
const RESERVE_MS = 5_000;

/**
 * Runs the records of one invocation, all of one raw shard, in order.
 * @throws an infrastructure fault if no slice was finished before it. The outcome reports a later fault.
 */
export async function processRecords(
  parts: ProcessorParts,
  records: readonly RawRecord[],
  remainingMs: () => number,
): Promise<ProcessOutcome> {
  const counts: ProcessedCounts = {
    records: 0,
    received: 0,
    processed: 0,
    failed: 0,
    redelivered: 0,
    quarantined: 0,
    warned: 0,
  };
  if (records.length === 0) return { counts, resumeAt: null, fault: null };
  const filed = await parts.ledger.file(records);
  const tally = new RecordTally();
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
      await parts.edgeCounters.store(slice.counters);
      await parts.enriched.put(records[next]?.rawShard ?? "", packFrames(slice.lines));
      tally.merge(slice.tally);
      await parts.ledger.fileCounts(records, next + slice.records, tally);
    } catch (fault) {
      if (next === 0) throw fault;
      return { counts, resumeAt, fault };
    }
    next += slice.records;
    addSlice(counts, slice);
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return { counts, resumeAt: null, fault: null };
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

/** Runs some records through all stages, and adds the results to the slice. */
async function processStep(
  parts: ProcessorParts,
  filed: FiledInvocation,
  step: readonly DecodedRecord[],
  slice: Slice,
): Promise<void> {
  const { originals, copies } = await dropCopies(parts.replays, filed, step);
  const projects = projectsOf(originals);
  const judges = await parts.plans.judges(projects.all, projects.replayed);
  const handled = originals.map((record) => handleRecord(record, judges));
  const pending = handled.flatMap((record) => record.pending);
  const broken = handled.flatMap((record) => record.broken);
  const subjects = await pseudonymise(parts, pending, broken);
  noteRecords(step, copies, slice);
  noteHandled(originals, handled, slice);
  emitLines(pending, subjects.pending, parts.nowMs(), slice);
  for (const [index, event] of broken.entries()) {
    slice.addFailed(event.site.record, [quarantined(event, subjects.broken[index] as Subjects)]);
  }
}

/** The results for a record's events before their surrogates are known. */
export interface HandledRecord {
  record: RawRecord;
  pending: PendingEvent[];
  broken: BrokenEvent[];
  failed: KeptFailure[];
  /** Number of pending events that carry a mark of their plan. */
  warned: number;
}

/** Runs a record's events, one by one, through the stages that do no I/O. */
export function handleRecord(
  { record, lines, isMarked, replay }: DecodedRecord,
  judges: ReadonlyMap<string, PlanJudge>,
): HandledRecord {
  const handled: HandledRecord = { record, pending: [], broken: [], failed: [], warned: 0 };
  const isRedelivered = isMarked || replay !== null;
  let index = 0;
  for (const line of lines) {
    if (line.kind === "unreadable") {
      handled.failed.push(line.failed(index++));
      continue;
    }
    const { envelope, mayHoldEscapes } = line;
    const { project, receivedAtMs, retry: isRetry } = envelope;
    const request: RequestInHand = { work: new RequestWork(envelope), judge: judges.get(project) };
    let inRequest = 0;
    for (const unpacked of unpackEnvelope(envelope, mayHoldEscapes)) {
      const place: EventPlace = { record, index, isRetry, isRedelivered, inRequest };
      if (unpacked.ok) {
        handleEvent(handled, unpacked.event, request, place);
      } else {
        const site = { record, index, project, messageId: unpacked.messageId, receivedAtMs };
        const original = originalLine(envelope, inRequest);
        const failed = failedEvent(site, unpacked.failure, unpacked.payload);
        handled.failed.push(original === undefined ? failed : { ...failed, original });
      }
      index++;
      inRequest++;
    }
  }
  return handled;
}

/** What the events of one request share. */
interface RequestInHand {
  work: RequestWork;
  judge: PlanJudge | undefined;
}

interface EventPlace extends Pick<PendingEvent, "record" | "index" | "isRetry" | "isRedelivered"> {
  /** The event's place among the events of its request. */
  inRequest: number;
}

/** The stages of one event: tracking plan, personal data, enrich. */
function handleEvent(
  handled: HandledRecord,
  sent: UnpackedEvent,
  { work, judge }: RequestInHand,
  { inRequest, ...place }: EventPlace,
): void {
  const { envelope, identity, messageId } = sent;
  const { project, receivedAtMs } = envelope;
  const site: FailureSite = { record: place.record, index: place.index, project, messageId, receivedAtMs };
  const planned = applyPlan(sent, judge);
  const redacted = isOn(envelope.settings, "personalData") ? redactEvent(planned.event, work) : null;
  if (redacted !== null && redacted.rejected !== null) {
    handled.failed.push(refusedForPersonalData(site, redacted.event, redacted.rejected.pointer));
    return;
  }
  const event = redacted?.event ?? planned.event;
  if (planned.quarantined !== null) {
    handled.broken.push(quarantine(planned.quarantined, event, redacted, { site, inRequest }));
    return;
  }
  if (planned.warned) handled.warned++;
  const enrichment = enrich(event, redacted?.findings ?? []);
  handled.pending.push({ ...place, identity, linksIdentities: linksIdentities(event), enrichment });
}

function noteRecords(step: readonly DecodedRecord[], copies: readonly DecodedRecord[], slice: Slice): void {
  slice.records += step.length;
  // Redelivered counter lines are stored too. A line has its own name, so storing it again changes nothing.
  for (const { counters } of step) slice.counters.push(...counters);
  for (const copy of copies) {
    slice.redelivered += eventsOf(copy);
    slice.tally.addDropped(copy);
  }
}

function noteHandled(originals: readonly DecodedRecord[], handled: readonly HandledRecord[], slice: Slice): void {
  for (const [index, ofRecord] of handled.entries()) {
    const { isMarked, replay } = originals[index] as DecodedRecord;
    slice.tally.addHandled(ofRecord, isMarked || replay !== null);
    slice.addFailed(ofRecord.record, ofRecord.failed);
    slice.quarantined += ofRecord.broken.length;
    slice.warned += ofRecord.warned;
  }
}

function emitLines(
  pending: readonly PendingEvent[],
  subjects: readonly Subjects[],
  processedAtMs: number,
  slice: Slice,
): void {
  for (const [index, event] of pending.entries()) {
    const line = JSON.stringify(assemble(event, subjects[index] as Subjects, processedAtMs));
    if (fitsRecord(line)) {
      slice.addLine(line);
      continue;
    }
    slice.addFailed(event.record, [oversized(event)]);
    const { project, receivedAtMs } = event.enrichment;
    slice.tally.moveToFailed(event.record.sequenceNumber, project, receivedAtMs);
  }
}
