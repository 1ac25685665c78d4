// Events become what the shard stores without opening it: one envelope line, packed ids, and above a few KiB a gzip
// member. All of it CPU work, done here because Workers scale out and a shard is one thread. E2.

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

/** What holds for every event of the request. */
export interface RequestFacts {
  key: CompiledKey;
  requestId: string;
  receivedAtMs: number;
  isRetry: boolean;
  anyPast: boolean;
  defaultType: EventType | null;
  source: RequestSource;
}

/** What a shard is asked about events that it would likely drop: nothing of their content. */
export interface Question {
  events: readonly ConsentedEvent[];
  /** 8 bytes an event, in the order of `events`. */
  ids: Uint8Array;
  /** Epoch milliseconds: no copy of these was taken before. */
  oldestMs: number;
}

export interface Packed extends Question {
  events: readonly StorableEvent[];
  /** Whole NDJSON lines, as they are or as one gzip member. */
  data: Uint8Array;
  compressed: boolean;
}

/**
 * @param asSent whether every event of the body is in `events` and none was repaired: it travels as its own bytes.
 * @returns usually one; more when the frame would not fit into a Kinesis record.
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

/** Nothing of a restricted event may serve advertising, from the first write on; the ledger may still allow the whole of it. */
function withinConsent(event: StorableEvent): StorableEvent {
  if (event.consent !== "restricted") return event;
  const stripped = withoutAdvertising(event.event);
  if (stripped === event.event && event.isOrdinary !== true) return event;
  // From its value, which lacks what the text may hold twice.
  return { ...event, isOrdinary: false, event: stripped, whole: event };
}

/** In a member that JSON.parse left out and the text has: the names that nearly all of them end in. */
function mayHideClickId(events: readonly StorableEvent[], { text }: ParsedBody): boolean {
  return events.some(({ consent }) => consent === "restricted") && (text.includes("clid") || text.includes("clkid"));
}

function pack(events: readonly StorableEvent[], facts: RequestFacts, parsed: ParsedBody, asSent: boolean): Packed[] {
  // What lies beside the events in a long body does not have to travel with them, and may be all of it.
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

/** Lower than the bound: the parts are not all of one length. */
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

/** Cookieless: nothing of the request leads to the device either. One restricted event restricts what all of them share. */
function sourceWithin(consent: StoredConsent, source: RequestSource, events: readonly StorableEvent[]): RequestSource {
  if (consent === "cookieless") return withoutDevice(source);
  return events.some((event) => event.consent === "restricted") ? withoutClickIds(source) : source;
}

/** What holds for single events only, by their place in the body; null when nothing does. */
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
 * What the shard needs to apply its ledger to events it does not open.
 * @param naming null for a shard that needs no ids: hashing them costs.
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
