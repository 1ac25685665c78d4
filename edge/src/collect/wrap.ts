// Packs events into the form that the shard stores without opening it: one envelope line, packed ids, and above a few KiB a gzip
// member. This CPU work is done here because Workers scale out and a shard is one thread. E2.

import {
  compressMember,
  concatBytes,
  ENVELOPE_VERSION,
  type EventType,
  type EventVerdict,
  LIMITS,
  packHashes,
  processorSettings,
  type RequestSource,
  type StoredConsent,
  storeMember,
  TUNINGS,
} from "@behaviour/contract";
import type { CompiledKey } from "../access/compiled-key.ts";
import { withoutAdvertising } from "../consent/advertising.ts";
import { type ConsentTable, outcomeCode } from "../consent/table.ts";
import { type ConsentClaim, NOT_PACKED } from "../shard/consent-claim.ts";
import type { ConsentedEvent, StorableEvent } from "./consent.ts";
import { lineAsSent, lineOfEvents } from "./line.ts";
import type { ParsedBody } from "./parse.ts";
import { withoutClickIds, withoutDevice } from "./source.ts";
import { type Naming, oldSubjectsOf, subjectsOf } from "./subjects.ts";

/** Facts that apply to every event of the request. */
export interface RequestFacts {
  key: CompiledKey;
  requestId: string;
  receivedAtMs: number;
  isRetry: boolean;
  anyPast: boolean;
  defaultType: EventType | null;
  source: RequestSource;
}

/** A question to a shard about events that it would probably drop. It holds nothing of their content. */
export interface Question {
  events: readonly ConsentedEvent[];
  /** 8 bytes an event, in the order of `events`. */
  ids: Uint8Array;
  /** Epoch milliseconds: none of these messages can have been accepted before this time. */
  oldestMs: number;
}

export interface Packed extends Question {
  events: readonly StorableEvent[];
  /** Whole NDJSON lines, as they are or as one gzip member. */
  data: Uint8Array;
  compressed: boolean;
}

/**
 * @param asSent whether every event of the body is in `events` and no event was repaired: the bytes are then stored as sent.
 * @returns usually one part; several parts if the frame would not fit into a Kinesis record.
 */
export function wrap(
  events: readonly StorableEvent[],
  facts: RequestFacts,
  parsed: ParsedBody,
  asSent: boolean,
): Packed[] {
  const allowed = events.map(withinConsent);
  const isTouched = allowed.some((event, index) => event !== events[index]) || mayHideClickId(events, parsed);
  return pack(allowed, facts, parsed, asSent && !isTouched);
}

/** No data of a restricted event may serve advertising, from the first write on. The ledger may still allow the whole event. */
function withinConsent(event: StorableEvent): StorableEvent {
  if (event.consent !== "restricted") return event;
  const stripped = withoutAdvertising(event.event);
  if (stripped === event.event && event.isOrdinary !== true) return event;
  // Serialized from its value, which lacks the duplicate members that the text may hold.
  return { ...event, isOrdinary: false, event: stripped, whole: event };
}

/** Whether a member that JSON.parse left out may hold a click id. The names of nearly all click ids end in these texts. */
function mayHideClickId(events: readonly StorableEvent[], { text }: ParsedBody): boolean {
  return events.some(({ consent }) => consent === "restricted") && (text.includes("clid") || text.includes("clkid"));
}

function pack(events: readonly StorableEvent[], facts: RequestFacts, parsed: ParsedBody, asSent: boolean): Packed[] {
  // Fields beside the events need not be stored, and they may be what makes a body too long.
  const isWhole = asSent && parsed.sent.byteLength <= LIMITS.lineBytes;
  const head = envelopeHead(facts, parsed.shape, events);
  const line = isWhole ? lineAsSent(head, parsed) : lineOfEvents(head, parsed, events);
  if (line.byteLength > LIMITS.lineBytes && events.length > 1) {
    return divided(events, Math.ceil(line.byteLength / LINE_AIMED_BYTES)).flatMap((part) =>
      pack(part, facts, parsed, false),
    );
  }
  const compressed = line.byteLength > TUNINGS.packThresholdBytes;
  const isStored = parsed.isDense && line.byteLength <= LIMITS.lineBytes;
  const data = compressed ? (isStored ? storeMember(line) : compressMember(line)) : line;
  return [{ ...ask(events), events, data, compressed }];
}

/** Below the limit, because the parts differ in length. */
const LINE_AIMED_BYTES = 0.8 * LIMITS.lineBytes;

function divided<T>(items: readonly T[], parts: number): (readonly T[])[] {
  const length = Math.ceil(items.length / Math.max(2, parts));
  return Array.from({ length: Math.ceil(items.length / length) }, (_, index) =>
    items.slice(index * length, (index + 1) * length),
  );
}

export function ask(events: readonly ConsentedEvent[]): Question {
  return { events, ids: packHashes(events.map(({ id }) => id)), oldestMs: oldest(events) };
}

function envelopeHead(facts: RequestFacts, shape: "batch" | "event", events: readonly StorableEvent[]) {
  const consent = events[0]?.consent ?? "accept";
  const verdicts = verdictsBeside(consent, events);
  const settings = processorSettings(facts.key.settings);
  return {
    v: ENVELOPE_VERSION,
    project: facts.key.project,
    keyId: facts.key.id,
    requestId: facts.requestId,
    receivedAtMs: facts.receivedAtMs,
    retry: facts.isRetry,
    secret: facts.key.kind === "secret",
    anyPast: facts.anyPast,
    defaultType: facts.defaultType,
    consent,
    source: sourceWithin(consent, facts.source, events),
    shape,
    ...(settings === null ? {} : { settings }),
    ...(verdicts === null ? {} : { verdicts }),
  } as const;
}

/** For cookieless events, the source must not lead to the device. One restricted event restricts the source that all share. */
function sourceWithin(consent: StoredConsent, source: RequestSource, events: readonly StorableEvent[]): RequestSource {
  if (consent === "cookieless") return withoutDevice(source);
  return events.some((event) => event.consent === "restricted") ? withoutClickIds(source) : source;
}

/** Verdicts on single events, by their index in the body; null if all events have the common verdict. */
function verdictsBeside(consent: StoredConsent, events: readonly StorableEvent[]): Record<string, EventVerdict> | null {
  let verdicts: Record<string, EventVerdict> | null = null;
  for (let index = 0; index < events.length; index++) {
    const event = events[index] as StorableEvent;
    if (event.consent === consent && event.pii === undefined) continue;
    verdicts ??= {};
    verdicts[index] = {
      ...(event.consent === consent ? {} : { consent: event.consent }),
      ...(event.pii === undefined ? {} : { pii: event.pii }),
    };
  }
  return verdicts;
}

function oldest(events: readonly ConsentedEvent[]): number {
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const { firstTakenMs } of events) if (firstTakenMs < oldestMs) oldestMs = firstTakenMs;
  return oldestMs;
}

/**
 * The data that the shard needs to apply its ledger to events that it does not open.
 * @param naming null for a shard that needs no ids, because hashing ids is expensive.
 */
export function claimOf(events: readonly ConsentedEvent[], naming: Naming | null): ConsentClaim {
  const tables: ConsentTable[] = [];
  const tableOf = new Uint8Array(events.length);
  const packedAs = new Uint8Array(events.length);
  for (let index = 0; index < events.length; index++) {
    const { table, consent } = events[index] as ConsentedEvent;
    let at = tables.indexOf(table);
    if (at < 0) at = tables.push(table) - 1;
    tableOf[index] = at;
    packedAs[index] = consent === "drop" ? NOT_PACKED : outcomeCode(consent);
  }
  const codes = concatBytes(tables.map((table) => table.codes));
  if (naming === null) return { tables: codes, tableOf, packedAs, subjects: null };
  const named = events.map((event) => event.ids ?? event.event);
  const oldSubjects = () => oldSubjectsOf(named);
  return { tables: codes, tableOf, packedAs, subjects: subjectsOf(named, naming), oldSubjects };
}
