// Makes a failed event of data that cannot be processed. The failed event is a value that holds the reason and the redacted data.
// A second run over the same record gives it the same id. Any stage of the processor may produce one; the store is in ../failed.

import { FAILED_PAYLOAD_CHARS, FAILURES, type FailedEvent, type FailureCode } from "@behaviour/contract";
import { maskedStart, withoutTraits } from "../personal-data/plain-text.ts";
import { originShard } from "../stream/shard-name.ts";
import type { RawRecord } from "./record.ts";

export interface FailureSite {
  record: RawRecord;
  /** The event's index among the record's events, as in `position`. */
  index: number;
  project: string;
  messageId: string | null;
  receivedAtMs: number | null;
}

export interface Failure {
  code: FailureCode;
  /** JSON pointer to what is wrong, relative to the event (or the line). */
  pointer: string | null;
  /** Adds to the code's own message. It never quotes the data. */
  detail?: string;
}

/** The site of a line or frame that could not be read far enough to find its project. */
export function unknownSite(record: RawRecord, index: number, project: string | null): FailureSite {
  // The stream's arrival time replaces the edge's time of receipt, so that a second run files the event under the same day.
  return { record, index, project: project ?? "unknown", messageId: null, receivedAtMs: record.arrivedAtMs };
}

export function failedEvent(site: FailureSite, failure: Failure, payload: unknown): FailedEvent {
  const { text, cut } = payloadText(payload);
  const message = FAILURES[failure.code];
  return {
    // A redriven record gets the same id, because it is the same failure.
    id: `${originShard(site.record.rawShard)}-${site.record.sequenceNumber}-${site.index}`,
    project: site.project,
    messageId: site.messageId,
    code: failure.code,
    message: failure.detail === undefined ? message : `${message} ${failure.detail}`,
    pointer: failure.pointer,
    stage: "process",
    failedAtMs: site.record.readAtMs,
    receivedAtMs: site.receivedAtMs,
    payload: text,
    payloadCut: cut,
  };
}

function payloadText(payload: unknown): { text: string; cut: boolean } {
  let whole: string;
  let cut = false;
  if (typeof payload === "string") {
    whole = payload;
  } else {
    try {
      whole = shownText(payload);
    } catch {
      // A RangeError: JSON.parse accepts a deeper nesting than the recursive JSON.stringify can write.
      whole = shownText(pruned(payload, PRUNED_DEPTH));
      cut = true;
    }
  }
  const text = maskedStart(whole.replaceAll("\0", "\uFFFD"), FAILED_PAYLOAD_CHARS);
  return { text, cut: cut || whole.length > FAILED_PAYLOAD_CHARS };
}

function shownText(payload: unknown): string {
  return JSON.stringify(withoutTraits(payload)) ?? "null";
}

const PRUNED_DEPTH = 20;

function pruned(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "…";
  if (Array.isArray(value)) return value.map((item) => pruned(item, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, pruned(item, depth - 1)]));
}

/** The parts of an event that a failed event shows. */
interface ShownEvent {
  type: string;
  messageId: string;
  name: string | null;
  properties: unknown;
  traits: unknown;
  context: unknown;
}

export function eventPayload({ type, messageId, name, properties, traits, context }: ShownEvent) {
  return { type, messageId, ...(name === null ? {} : { event: name }), properties, traits, context };
}
