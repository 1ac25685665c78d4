// Stages 3 to 6 of one record, in which nothing is waited for: its lines into events that lack only their surrogates, into
// those that break their plan, and into failed events. And the last step, when the surrogates are known.

import {
  cutPointer,
  ENRICHED_VERSION,
  type EnrichedEvent,
  isOn,
  MORE_FINDINGS,
  position,
  type RequestEnvelope,
} from "@behaviour/contract";
import type { KeptFailure } from "../failed/index.ts";
import type { PlanJudge } from "../tracking-plan/judge.ts";
import type { PlanViolation } from "../tracking-plan/violation.ts";
import type { Subjects } from "../vault/index.ts";
import type { DecodedRecord } from "./decode.ts";
import { linksIdentities } from "./enrich/identity.ts";
import { type Enrichment, enrich } from "./enrich.ts";
import { type FailureSite, failedEvent } from "./failure.ts";
import { type EventRedaction, RequestWork, redactEvent } from "./personal-data.ts";
import type { RawRecord } from "./record.ts";
import { originalLine, redactedLine } from "./replay-line.ts";
import { isSuspect } from "./suspect.ts";
import { applyPlan, type Planned } from "./tracking-plan.ts";
import { type Identity, type UnpackedEvent, unpackEnvelope } from "./unpack.ts";

/** An event that lacks only its surrogates. */
export interface PendingEvent {
  record: RawRecord;
  /** Among all events of its record, failed ones too, so that a second run counts the same. */
  index: number;
  isRetry: boolean;
  /** A second try of the edge's, or a replay: it may have come another way. */
  isRedelivered: boolean;
  identity: Identity;
  /** What it says of who is whom may be kept. */
  linksIdentities: boolean;
  enrichment: Enrichment;
}

/** An event that breaks its plan and lacks only the person's surrogate. */
export interface BrokenEvent {
  site: FailureSite;
  identity: Identity;
  event: UnpackedEvent;
  violation: PlanViolation;
  planVersion: number;
  original: string | undefined;
}

export interface PreparedRecord {
  record: RawRecord;
  pending: PendingEvent[];
  broken: BrokenEvent[];
  failed: KeptFailure[];
  /** How many of those pending carry a mark of their plan. */
  warned: number;
}

/** The projects that have events in these records, and those that have replayed ones. */
export function projectsOf(records: readonly DecodedRecord[]): { all: Set<string>; replayed: Set<string> } {
  const projects = { all: new Set<string>(), replayed: new Set<string>() };
  for (const { lines, replay } of records) {
    for (const line of lines) if (line.kind === "envelope") projects.all.add(line.envelope.project);
    if (replay !== null) projects.replayed.add(replay.project);
  }
  return projects;
}

export function prepareRecord(
  { record, lines, isMarked, replay }: DecodedRecord,
  judges: ReadonlyMap<string, PlanJudge>,
): PreparedRecord {
  const prepared: PreparedRecord = { record, pending: [], broken: [], failed: [], warned: 0 };
  const isRedelivered = isMarked || replay !== null;
  let index = 0;
  for (const line of lines) {
    if (line.kind === "unreadable") {
      prepared.failed.push(line.failed(index++));
      continue;
    }
    index = prepareRequest(prepared, line, { index, isRedelivered, judge: judges.get(line.envelope.project) });
  }
  return prepared;
}

interface RequestPlace {
  /** Of its first event. */
  index: number;
  isRedelivered: boolean;
  judge: PlanJudge | undefined;
}

/** @returns the index of the event that follows. */
function prepareRequest(
  prepared: PreparedRecord,
  { envelope, mayHoldEscapes }: { envelope: RequestEnvelope; mayHoldEscapes: boolean },
  { index: start, isRedelivered, judge }: RequestPlace,
): number {
  const { record } = prepared;
  const { project, receivedAtMs, retry: isRetry } = envelope;
  const work = new RequestWork(envelope);
  let index = start;
  for (const unpacked of unpackEnvelope(envelope, mayHoldEscapes)) {
    const place = { record, index, isRetry, isRedelivered };
    if (unpacked.ok) {
      prepareEvent(prepared, applyPlan(unpacked.event, judge), work, place, index - start);
    } else {
      const site = { record, index, project, messageId: unpacked.messageId, receivedAtMs };
      const original = originalLine(envelope, index - start);
      const failed = failedEvent(site, unpacked.failure, unpacked.payload);
      prepared.failed.push(original === undefined ? failed : { ...failed, original });
    }
    index++;
  }
  return index;
}

type EventPlace = Pick<PendingEvent, "record" | "index" | "isRetry" | "isRedelivered">;

/** @param inRequest its place among the events of its request. */
function prepareEvent(
  prepared: PreparedRecord,
  planned: Planned,
  work: RequestWork,
  place: EventPlace,
  inRequest: number,
): void {
  const { envelope, identity, messageId } = planned.event;
  const redacted = isOn(envelope.settings, "personalData") ? redactEvent(planned.event, work) : null;
  const site: FailureSite = {
    record: place.record,
    index: place.index,
    project: envelope.project,
    messageId,
    receivedAtMs: envelope.receivedAtMs,
  };
  if (redacted !== null && redacted.rejected !== null) {
    prepared.failed.push(refused(site, redacted.event, redacted.rejected.pointer));
    return;
  }
  const event = redacted?.event ?? planned.event;
  const found = redacted?.findings ?? [];
  if (planned.quarantined === null) {
    if (planned.warned) prepared.warned++;
    const mayLink = linksIdentities(event);
    prepared.pending.push({ ...place, identity, linksIdentities: mayLink, enrichment: enrich(event, found) });
    return;
  }
  const original =
    redacted === null ? originalLine(envelope, inRequest) : redactedLine(envelope, inRequest, event, found);
  const violation = withoutValue(planned.quarantined.violation, redacted);
  prepared.broken.push({ site, identity, event, ...planned.quarantined, violation, original });
}

/** The plan has judged the event as it was sent: the value it complains of may be one that was masked since. */
function withoutValue(violation: PlanViolation, redacted: EventRedaction | null): PlanViolation {
  // Traits may have been sent in the context alone. And not every place is listed: then any may be one.
  const places = [violation.pointer, `/context${violation.pointer}`].map(cutPointer);
  const found = redacted?.findings.find(
    ({ pointer, class: piiClass }) => places.includes(pointer) || piiClass === MORE_FINDINGS,
  );
  return found === undefined ? violation : { ...violation, actual: `[${found.class}]` };
}

/** The project wants nothing of it: it is shown masked, and no original is kept that could be replayed. */
function refused(site: FailureSite, event: UnpackedEvent, pointer: string): KeptFailure {
  return failedEvent(site, { code: "personal_data", pointer }, shownEvent(event));
}

function shownEvent({ type, messageId, name, properties, traits, context }: UnpackedEvent) {
  return { type, messageId, ...(name === null ? {} : { event: name }), properties, traits, context };
}

export function assemble(
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

export function quarantined(broken: BrokenEvent, { subject }: Subjects): KeptFailure {
  const { site, violation, planVersion, original } = broken;
  const { code, pointer, limit, actual } = violation;
  return {
    ...failedEvent(site, { code, pointer }, shownEvent(broken.event)),
    ...(limit === "" ? {} : { limit }),
    actual,
    planVersion,
    subject,
    ...(original === undefined ? {} : { original }),
  };
}

/** A batch's context of megabytes, merged into each of its events: no record can hold one. */
export function oversized({ record, index, enrichment }: PendingEvent): KeptFailure {
  const { project, messageId, receivedAtMs, type, event, properties } = enrichment;
  const site = { record, index, project, messageId, receivedAtMs };
  const detail = "With its batch's context it is too large for the stream.";
  return failedEvent(
    site,
    { code: "invalid_event", pointer: "/context", detail },
    { type, messageId, event, properties },
  );
}
