// The fast lane judges the events of a body from its bytes, without parsing them. An event is ordinary if it needs no rejection,
// no repair, no masking and no decision. All other events of the same body are parsed and judged by the slow lane (judge.ts). A
// body in another form than plain JSON events is parsed as a whole. Parsing a clean event and walking its value costs three times
// as much as this pass over its bytes.
//
// The slow lane accepts every event unchanged that this lane calls ordinary: skim.test.ts compares the two lanes.

import { EVENT_TYPES, type EventType, isPlaceholder, LIMITS } from "@behaviour/contract";
import { isBlank } from "./scan.ts";
import {
  BROKEN,
  begin,
  beginEvent,
  byteAt,
  checkText,
  countValue,
  end,
  isOrdinary,
  keyIs,
  lookForAddress,
  lookForPersonalData,
  markUnusual,
  nodes,
  openings,
  skip,
  slice,
  stringEnd,
  stringStart,
  walkKey,
  walkObject,
  walkString,
  walkValue,
  walkWord,
} from "./skim-json.ts";

/** The fields of an ordinary event that decisions need. A field that is missing or null is null. */
export interface OrdinaryFields {
  type: EventType | null;
  messageId: string;
  userId: string | null;
  anonymousId: string | null;
  timestamp: string | null;
  originalTimestamp: string | null;
  sentAt: string | null;
}

export interface SkimmedEvent {
  /** Range of the event's text, in bytes of the body. */
  start: number;
  end: number;
  /** Null if the event is not ordinary. */
  fields: OrdinaryFields | null;
  /** More values than an event may have. */
  isTooMany: boolean;
  /** Number of objects and arrays in the event. */
  openings: number;
}

export interface SkimmedBody {
  events: SkimmedEvent[];
  /** The batch's `sentAt`; null if the batch has no such member. */
  sentAt: string | null;
  /** The key at the top level; null if it is missing. */
  writeKey: string | null;
}

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/**
 * @param bytes UTF-8; `text` is the same text, decoded
 * @returns null for a body that must be parsed as a whole.
 */
export function skim(bytes: Uint8Array, text: string, shape: "batch" | "event"): SkimmedBody | null {
  begin(bytes, text);
  try {
    const events: SkimmedEvent[] = [];
    const from = skip(0);
    sentAtOfBatch = writeKey = undefined;
    const at = shape === "batch" ? walkBatch(from, events) : walkEvent(from, events, true);
    if (at === BROKEN || skip(at) !== bytes.byteLength) return null;
    return { events, sentAt: sentAtOfBatch ?? null, writeKey: writeKey ?? null };
  } finally {
    end();
  }
}

/** `undefined`: not seen yet; null: missing, null, or not ordinary. */
type Field = string | null | undefined;
let sentAtOfBatch: Field;
let writeKey: Field;

/** A body with other members than `batch`, `sentAt` and `writeKey`, such as a common context, is left to the slow lane. */
function walkBatch(from: number, events: SkimmedEvent[]): number {
  if (byteAt(from) !== OPEN_BRACE) return BROKEN;
  let at = skip(from + 1);
  for (;;) {
    beginEvent();
    at = walkKey(at);
    if (at === BROKEN) return BROKEN;
    if (keyIs("batch") && events.length === 0) at = walkEvents(at, events);
    else if (keyIs("sentAt") && sentAtOfBatch === undefined) {
      at = walkOwn(at);
      sentAtOfBatch = plain;
    } else if (keyIs("writeKey") && writeKey === undefined) {
      at = walkOwn(at);
      writeKey = plain;
      if (!isKey(writeKey)) return BROKEN;
    } else return BROKEN;
    if (at === BROKEN) return BROKEN;
    at = skip(at);
    const next = byteAt(at);
    if (next === CLOSE_BRACE) return events.length === 0 ? BROKEN : at + 1;
    if (next !== COMMA) return BROKEN;
    at = skip(at + 1);
  }
}

/** A member beside the events: null or a text without escapes. */
function walkOwn(from: number): number {
  plain = null;
  if (byteAt(from) !== QUOTE) return walkWord(from, "null");
  const at = walkString(from);
  if (at === BROKEN) return BROKEN;
  checkText(LIMITS.idLength);
  plain = slice(stringStart, stringEnd);
  return isOrdinary ? at : BROKEN;
}

/** The key is stored with the body, so only a text in the form of a key is accepted. */
function isKey(text: Field): boolean {
  return typeof text !== "string" || /^[ps]k_[a-z]+_[0-9A-Za-z]+$/.test(text);
}

/** An empty batch, or a batch with an item that is not an object, is left to the slow lane. */
function walkEvents(from: number, events: SkimmedEvent[]): number {
  if (byteAt(from) !== OPEN_BRACKET) return BROKEN;
  let at = skip(from + 1);
  for (;;) {
    if (events.length === LIMITS.eventsPerRequest) return BROKEN;
    at = walkEvent(at, events, false);
    if (at === BROKEN) return BROKEN;
    at = skip(at);
    const next = byteAt(at);
    if (next === CLOSE_BRACKET) return at + 1;
    if (next !== COMMA) return BROKEN;
    at = skip(at + 1);
  }
}

// Fields of the event in progress.
let type: Field;
let event: Field;
let name: Field;
let userId: Field;
let anonymousId: Field;
let messageId: Field;
let timestamp: Field;
let originalTimestamp: Field;
let sentAt: Field;
let objectsSeen = 0;

/** @param isBody the event is the whole body: it may have a key, and the path gives it a default type */
function walkEvent(from: number, events: SkimmedEvent[], isBody: boolean): number {
  if (byteAt(from) !== OPEN_BRACE) return BROKEN;
  beginEvent();
  type = event = name = userId = anonymousId = messageId = timestamp = originalTimestamp = sentAt = undefined;
  objectsSeen = 0;
  let at = skip(from + 1);
  if (byteAt(at) === CLOSE_BRACE) return BROKEN;
  for (let keys = 1; ; keys++) {
    at = walkKey(at);
    if (at === BROKEN) return BROKEN;
    if (keys > LIMITS.keysPerObject) markUnusual();
    countValue();
    at = walkField(at, isBody);
    if (at === BROKEN) return BROKEN;
    at = skip(at);
    const next = byteAt(at++);
    if (next === CLOSE_BRACE) break;
    if (next !== COMMA) return BROKEN;
    at = skip(at);
  }
  const isTooMany = nodes > LIMITS.nodesPerEvent;
  if (isTooMany || at - from > LIMITS.eventBytes) markUnusual();
  events.push({ start: from, end: at, fields: isOrdinary ? fieldsIfComplete(isBody) : null, isTooMany, openings });
  return at;
}

function fieldsIfComplete(hasDefaultType: boolean): OrdinaryFields | null {
  if (typeof messageId !== "string") return null;
  // An event without a type has the path's type. The requirements of a track event are the strictest, so they are assumed here.
  const isTrack = type === "track" || ((type ?? null) === null && hasDefaultType);
  if (isTrack ? typeof event !== "string" : !ASKS_NOTHING.has(type as EventType)) return null;
  const user = userId ?? null;
  const anonymous = anonymousId ?? null;
  if (user === null && anonymous === null) return null;
  return {
    type: (type ?? null) as EventType | null,
    messageId,
    userId: user,
    anonymousId: anonymous,
    timestamp: timestamp ?? null,
    originalTimestamp: originalTimestamp ?? null,
    sentAt: sentAt ?? null,
  };
}

/** Types without required fields of their own. Group and alias are excluded, because they name further people. */
const ASKS_NOTHING: ReadonlySet<EventType> = new Set(["page", "screen", "identify"] as const);
/** Depth of an event's own values. */
const FIELD_DEPTH = 2;

/** Walks the value at `from`, which belongs to the key that was walked last. */
function walkField(from: number, isBody: boolean): number {
  const keyStart = stringStart;
  const keyEnd = stringEnd;
  let at: number;
  switch (keyEnd - keyStart) {
    case 4:
      if (keyIs("type")) return walkType(from);
      if (keyIs("name")) {
        at = walkName(from, name);
        name = plain;
        return at;
      }
      break;
    case 5:
      if (keyIs("event")) {
        at = walkName(from, event);
        event = plain;
        return at;
      }
      break;
    case 6:
      if (keyIs("userId")) return walkUserId(from);
      if (keyIs("traits")) return walkObjectField(from, TRAITS);
      if (keyIs("sentAt")) {
        at = walkTime(from, sentAt);
        sentAt = plain;
        return at;
      }
      break;
    case 7:
      if (keyIs("context")) return walkObjectField(from, CONTEXT);
      if (keyIs("groupId")) markUnusual();
      break;
    case 8:
      if (isBody && keyIs("writeKey")) {
        if (writeKey !== undefined) return BROKEN;
        at = walkOwn(from);
        writeKey = plain;
        return isKey(writeKey) ? at : BROKEN;
      }
      break;
    case 9:
      if (keyIs("messageId")) {
        at = walkId(from, messageId, LIMITS.messageIdLength);
        messageId = plain;
        return at;
      }
      if (keyIs("timestamp")) {
        at = walkTime(from, timestamp);
        timestamp = plain;
        return at;
      }
      break;
    case 10:
      if (keyIs("properties")) return walkObjectField(from, PROPERTIES);
      if (keyIs("previousId")) markUnusual();
      break;
    case 11:
      if (keyIs("anonymousId")) {
        at = walkId(from, anonymousId, LIMITS.idLength);
        anonymousId = plain;
        return at;
      }
      break;
    case 12:
      if (keyIs("integrations")) return walkObjectField(from, INTEGRATIONS);
      break;
    case 17:
      if (keyIs("originalTimestamp")) {
        at = walkTime(from, originalTimestamp);
        originalTimestamp = plain;
        return at;
      }
      break;
    default:
  }
  return walkValue(from, FIELD_DEPTH, keyStart, keyEnd);
}

/** The result of `walkPlain`: a text, or null if the value is null or not ordinary. */
let plain: string | null = null;

/** A value that is neither null nor a plain text, or a field that appears twice, marks the event as unusual. */
function walkPlain(from: number, seen: Field, limit: number): number {
  // If a field appears twice, the last value wins in the slow lane.
  if (seen !== undefined) markUnusual();
  plain = null;
  if (byteAt(from) !== QUOTE) {
    const at = walkWord(from, "null");
    if (at !== BROKEN) return at;
    markUnusual();
    return walkValue(from, FIELD_DEPTH, from, from);
  }
  const at = walkString(from);
  if (at === BROKEN) return BROKEN;
  if (checkText(limit) === 0) markUnusual();
  if (isOrdinary) plain = slice(stringStart, stringEnd);
  return at;
}

function walkId(from: number, seen: Field, limit: number): number {
  const at = walkPlain(from, seen, limit);
  if (plain !== null && isBlank(plain)) markUnusual();
  return at;
}

/** A placeholder causes a warning. */
function walkUserId(from: number): number {
  const at = walkId(from, userId, LIMITS.idLength);
  if (plain !== null && isPlaceholder(plain)) markUnusual();
  userId = plain;
  return at;
}

function walkTime(from: number, seen: Field): number {
  const at = walkPlain(from, seen, LIMITS.idLength);
  if (plain !== null) {
    lookForPersonalData(true);
    lookForAddress(0, 0);
  }
  return at;
}

const PREFERENCE_PREFIX = "Segment Consent";

function walkName(from: number, seen: Field): number {
  const at = walkPlain(from, seen, LIMITS.eventNameLength);
  if (plain === null) return at;
  if (isBlank(plain) || plain.startsWith(PREFERENCE_PREFIX)) markUnusual();
  lookForPersonalData();
  lookForAddress(0, 0);
  return at;
}

const TYPES: ReadonlySet<string> = new Set(EVENT_TYPES);

function walkType(from: number): number {
  const at = walkPlain(from, type, LIMITS.idLength);
  if (plain !== null && !TYPES.has(plain)) markUnusual();
  type = plain;
  return at;
}

const PROPERTIES = 0;
const TRAITS = 1;
const CONTEXT = 2;
const INTEGRATIONS = 3;

/** @param index one of the four above */
function walkObjectField(from: number, index: number): number {
  if ((objectsSeen & (1 << index)) !== 0) markUnusual();
  objectsSeen |= 1 << index;
  if (byteAt(from) === OPEN_BRACE) return walkObject(from, FIELD_DEPTH, index === CONTEXT);
  const at = walkWord(from, "null");
  if (at !== BROKEN) return at;
  markUnusual();
  return walkValue(from, FIELD_DEPTH, from, from);
}
