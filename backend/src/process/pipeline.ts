// The processor: raw stream in, enriched stream out. The stages in their order:
//
//   decode          a record's frame into its lines                            decode.ts
//   ledger          drop second tries of rows that went through                redelivery-ledger.ts
//   replay          drop originals of failed events that went through          ../replay/claims.ts
//   unpack          an envelope into its events, judged and cleaned            unpack.ts, sanitize.ts
//   tracking plan   what the project's tracking plan says of each              tracking-plan.ts, ../tracking-plan
//   personal data   phones, IBANs, national ids masked or the event refused    personal-data.ts, ../personal-data
//   enrich          time, user agent, referrer, campaign, page, geography      enrich.ts, enrich/
//   pseudonymise    ids into surrogates, and which are one person              ../vault
//   suspect         may it be a copy that came another way?                    suspect.ts
//   store failures  what could not be processed, with its reason               ../failed
//   emit            frames onto the enriched stream                            emit.ts
//
// Bad data is a value: it ends as a failed event and disturbs nothing. An infrastructure fault is thrown; the records from
// the first unfinished slice on are then run again, which is safe: every write has a name that a second run repeats.

import type { ShardCounters } from "@behaviour/contract";
import type { FailedEventStore, KeptFailure } from "../failed/index.ts";
import type { ReplayClaims } from "../replay/claims.ts";
import { originShard } from "../stream/shard-name.ts";
import type { PlanSource } from "../tracking-plan/source.ts";
import type { IdentityEdge, IdentityEdges, Subjects, Vault } from "../vault/index.ts";
import { type DecodedRecord, decodeRecord } from "./decode.ts";
import type { EdgeCounters } from "./edge-counters.ts";
import { type EnrichedStream, fitsRecord, packFrames } from "./emit.ts";
import { assemble, oversized, type PendingEvent, prepareRecord, projectsOf, quarantined } from "./prepare.ts";
import type { RawRecord } from "./record.ts";
import type { FiledInvocation, RedeliveryLedger } from "./redelivery-ledger.ts";
import { RecordTally } from "./tally.ts";

export interface ProcessorParts {
  ledger: Pick<RedeliveryLedger, "file" | "fileCounts">;
  replays: Pick<ReplayClaims, "take">;
  plans: Pick<PlanSource, "judges">;
  vault: Pick<Vault, "resolve">;
  identityEdges: Pick<IdentityEdges, "keep">;
  failedEvents: Pick<FailedEventStore, "storeAll">;
  enriched: Pick<EnrichedStream, "put">;
  edgeCounters: Pick<EdgeCounters, "store">;
  nowMs(): number;
}

/** Events, save `records`. `received` = `processed` + `failed` + `redelivered`. */
export interface ProcessedCounts {
  records: number;
  received: number;
  processed: number;
  failed: number;
  /** Second tries of what went through, and second replays. */
  redelivered: number;
  /** Of those failed: broke their project's plan. */
  quarantined: number;
  /** Of those processed: broke it, and are marked. */
  warned: number;
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
    addCounts(counts, slice);
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  }
  return { counts, resumeAt: null, fault: null };
}

/** What was made of some records and is not written yet. */
class Slice {
  records = 0;
  redelivered = 0;
  quarantined = 0;
  warned = 0;
  /** Enriched events as JSON, in order. */
  lines: string[] = [];
  chars = 0;
  /** By origin: the record and the stage name the file, so a second run replaces it by its like. */
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
  const { originals, copies } = await dropCopies(parts, filed, step);
  const projects = projectsOf(originals);
  const judges = await parts.plans.judges(projects.all, projects.replayed);
  const prepared = originals.map((record) => prepareRecord(record, judges));
  const pending = prepared.flatMap((record) => record.pending);
  const broken = prepared.flatMap((record) => record.broken);
  const subjects = await parts.vault.resolve([...pending, ...broken].map((event) => event.identity));
  await parts.identityEdges.keep(edgesOf(pending, subjects));
  const processedAtMs = parts.nowMs();
  slice.records += step.length;
  // Those of second tries too: a line has a name, and stored again it changes nothing.
  for (const { counters } of step) slice.counters.push(...counters);
  for (const copy of copies) {
    slice.redelivered += countEvents(copy);
    slice.tally.addDropped(copy);
  }
  slice.quarantined += broken.length;
  for (const [index, ofRecord] of prepared.entries()) {
    const { isMarked, replay } = originals[index] as DecodedRecord;
    slice.tally.addPrepared(ofRecord, isMarked || replay !== null);
    slice.addFailed(ofRecord.record, ofRecord.failed);
    slice.warned += ofRecord.warned;
  }
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
  for (const [index, event] of broken.entries()) {
    slice.addFailed(event.site.record, [quarantined(event, subjects[pending.length + index] as Subjects)]);
  }
}

function edgesOf(pending: readonly PendingEvent[], subjects: readonly Subjects[]): IdentityEdge[] {
  const edges: IdentityEdge[] = [];
  for (const [index, { linksIdentities }] of pending.entries()) {
    const told = subjects[index]?.edges;
    if (told !== undefined && linksIdentities) edges.push(...told);
  }
  return edges;
}

async function dropCopies(
  parts: ProcessorParts,
  filed: FiledInvocation,
  slice: readonly DecodedRecord[],
): Promise<{ originals: DecodedRecord[]; copies: DecodedRecord[] }> {
  const originals: DecodedRecord[] = [];
  const copies: DecodedRecord[] = [];
  for (const decoded of slice) {
    const isSecondTry = decoded.isMarked && (await filed.isCopy(decoded.record, oldestReceiptMs(decoded)));
    const isCopy = isSecondTry || !(await mayReplay(parts, decoded));
    (isCopy ? copies : originals).push(decoded);
  }
  return { originals, copies };
}

/** Whoever comes first with an original is let through, and so is its own second run. */
async function mayReplay({ replays }: ProcessorParts, { record, replay }: DecodedRecord): Promise<boolean> {
  return replay === null || replays.take(replay, `${originShard(record.rawShard)} ${record.sequenceNumber}`);
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

function addCounts(counts: ProcessedCounts, slice: Slice): void {
  const { records, lines, failures, redelivered } = slice;
  counts.records += records;
  counts.received += lines.length + failures + redelivered;
  counts.processed += lines.length;
  counts.failed += failures;
  counts.redelivered += redelivered;
  counts.quarantined += slice.quarantined;
  counts.warned += slice.warned;
}
