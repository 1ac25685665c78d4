// Judges each item of the request by itself. An item is rejected with a code and a pointer, or it becomes an event, which is
// repaired with a warning if necessary. No item affects the other items of its batch.
// docs/API_DOCUMENTATION.md#answers, #sending-events.

import {
  EVENT_TYPES,
  type EventType,
  eventTime,
  hasControl,
  hashId,
  type IdHash,
  isObject,
  isPlaceholder,
  type JsonObject,
  LIMITS,
  mergeBatchContext,
  type PiiFinding,
  REJECTIONS,
  type Rejection,
  type RejectionCode,
} from "@behaviour/contract";
import { ALL_PII, NO_PII, PII } from "../pii/classes.ts";
import { bodyMayHold } from "../pii/hints.ts";
import { BatchContext } from "./batch-context.ts";
import { EventTexts } from "./event-texts.ts";
import { firstTakenFromMs } from "./first-taken.ts";
import { OrdinaryEvent } from "./ordinary-event.ts";
import type { ParsedBody } from "./parse.ts";
import { repair } from "./repair.ts";
import { FOUND, isBlank, scan, textNeedsCare } from "./scan.ts";
import type { OrdinaryFields } from "./skim.ts";
import { type EventWarnings, RequestWarnings } from "./warnings.ts";

export interface JudgedEvent {
  /** The item's index in the request. */
  index: number;
  event: JsonObject;
  messageId: string;
  /** The hash of `messageId`, which identifies the message within its project. */
  id: IdHash;
  /** `anonymousId`, else `userId`: picks the shard. */
  subjectKey: string;
  /** Epoch milliseconds: the event's own time, corrected. */
  timeMs: number;
  /** Epoch milliseconds, for the shard's dedupe only: the message cannot have been accepted before this time. */
  firstTakenMs: number;
  /** Classes of personal data that the event can hold (pii/classes.ts). */
  mayHold: number;
  /** A text of the event begins like an IP address (redact.ts). */
  mayHoldAddress: boolean;
  /** The personal data that was masked in the event (redact.ts). */
  pii?: PiiFinding[];
  /** The event needs no change, and its text is stored as it was sent (skim.ts). */
  isOrdinary?: boolean;
}

export interface Judged {
  events: JudgedEvent[];
  rejected: Rejection[];
  warnings: RequestWarnings;
  /** Every item was accepted unchanged: the body may be stored as the bytes that were sent. */
  clean: boolean;
  /** Classes of personal data that the body can hold; all classes if its text has escapes, which hide data from a search. */
  mayHold: number;
}

export interface JudgeOptions {
  defaultType: EventType | null;
  receivedAtMs: number;
  isRetry: boolean;
  anyPast: boolean;
}

/** The data of a request that is needed to judge one of its items. */
interface OfRequest {
  parsed: ParsedBody;
  batchContext: BatchContext | null;
  options: JudgeOptions;
  care: boolean;
  mayHold: number;
  texts: EventTexts;
  judged: Judged;
  sizes: number[] | null;
}

interface Refused {
  code: RejectionCode;
  pointer?: string;
}

export function judge(parsed: ParsedBody, options: JudgeOptions): Judged {
  // In a skimmed body, only the events that are not ordinary are searched.
  const { care, mayHold } = parsed.skimmed === null ? lookAt(parsed.text) : NOTHING_FOUND;
  const judged: Judged = { events: [], rejected: [], warnings: new RequestWarnings(), clean: true, mayHold };
  const texts = new EventTexts(parsed);
  const batchContext =
    parsed.batchContext === null ? null : new BatchContext(parsed, parsed.batchContext, care, mayHold, texts);
  const sizes = parsed.sent.byteLength > LIMITS.eventBytes ? new Array<number>() : null;
  const of: OfRequest = { parsed, batchContext, options, care, mayHold, texts, judged, sizes };
  for (let index = 0; index < parsed.items.length; index++) {
    const fields = parsed.skimmed?.[index]?.fields ?? null;
    const ordinary = fields === null ? null : judgeOrdinary(fields, index, parsed, options, texts);
    if (ordinary !== null) {
      judged.events.push(ordinary);
      continue;
    }
    if (parsed.skimmed !== null) judged.clean = false;
    const item = fields === null ? parsed.items[index] : (JSON.parse(texts.text(index)) as unknown);
    const heavy = parsed.heavy?.get(index);
    const event =
      heavy !== undefined
        ? refused(heavy)
        : isObject(item)
          ? judgeItem(item, index, parsed.skimmed === null ? of : ofLeft(of, index))
          : refused("invalid_type", "");
    if ("code" in event) reject(judged, index, item, event);
    else judged.events.push(event);
  }
  if (sizes !== null) rejectTooLarge(judged, parsed, sizes, texts);
  return judged;
}

interface TextLook {
  /** The text has escapes, which hide data from a search: each of its strings is checked. */
  care: boolean;
  /** Classes of personal data that the text can hold. */
  mayHold: number;
}

const NOTHING_FOUND: TextLook = { care: false, mayHold: NO_PII };

function lookAt(text: string): TextLook {
  const care = textNeedsCare(text);
  return { care, mayHold: care ? ALL_PII : bodyMayHold(text) };
}

/** For an event of a skimmed body that is not ordinary. */
function ofLeft(of: OfRequest, index: number): OfRequest {
  const look = lookAt(of.texts.text(index));
  of.judged.mayHold |= look.mayHold;
  return { ...of, ...look };
}

/** @returns null for an event whose time causes a warning. */
function judgeOrdinary(
  fields: OrdinaryFields,
  index: number,
  parsed: ParsedBody,
  options: JudgeOptions,
  texts: EventTexts,
): JudgedEvent | null {
  const times = timesOf(fields.timestamp ?? fields.originalTimestamp, parsed.sentAt ?? fields.sentAt, options);
  return times.warning === null ? new OrdinaryEvent(index, fields, times, texts) : null;
}

function timesOf(timestamp: unknown, sentAt: unknown, { receivedAtMs, isRetry, anyPast }: JudgeOptions) {
  const time = eventTime({ timestamp, sentAt, receivedAtMs, isRetry, anyPast });
  return {
    timeMs: time.timeMs,
    firstTakenMs: firstTakenFromMs(time, receivedAtMs, isRetry),
    warning: time.warning,
  };
}

function judgeItem(item: JsonObject, index: number, of: OfRequest): JudgedEvent | Refused {
  const { parsed, batchContext, options, care, texts, judged, sizes } = of;
  // The context is merged before the scan, because the limits apply to the event as it will be stored.
  const own = item.context;
  const isMerged = batchContext !== null && (isMissing(own) || isObject(own));
  if (isMerged) item.context = mergeBatchContext(own, parsed.batchContext);
  const { found, size, mayHold: mayHoldAsSent } = scan(item, care, of.mayHold);
  // The size of the event as it was sent, without the batch's context.
  if (sizes !== null) sizes[index] = isMerged ? Math.max(0, size - batchContext.size) : size;
  if (found & FOUND.tooDeep) return refused("too_deep");
  if (found & (FOUND.tooManyKeys | FOUND.tooManyNodes)) return refused("too_many_properties");
  const wrong = judgeFields(item, options.defaultType);
  if (wrong !== null) return wrong;

  let event = item;
  let mayHold = mayHoldAsSent;
  const isContextRepaired = isMerged && batchContext.isRepaired;
  if (isContextRepaired) {
    batchContext.warn(index, own, judged.warnings);
    judged.clean = false;
    mayHold |= batchContext.mayHold;
  }
  if (found & FOUND.needsRepair) {
    const source = found & FOUND.unsafeNumber ? texts.parseKeepingNumbers(index) : item;
    if (isMerged && source !== item) source.context = mergeBatchContext(source.context, parsed.batchContext);
    const repaired = repair(source);
    event = repaired.event;
    judged.warnings.addAll(index, repaired.warnings);
    judged.clean = false;
    mayHold |= mayHoldOfRepaired(repaired.warnings);
  }
  let messageId = event.messageId as string | null | undefined;
  if (messageId === undefined || messageId === null) {
    messageId = crypto.randomUUID();
    event = { ...event, messageId };
    judged.clean = false;
  }
  if (event.userId === "") {
    event = { ...event, userId: null };
    judged.clean = false;
  }
  // `judgeFields` accepts only a text or a number as an id.
  const userId = event.userId as string | number | null | undefined;
  if (!isMissing(userId) && isPlaceholder(String(userId))) {
    judged.warnings.add(index, "suspicious_user_id", "/userId");
  }
  const times = timesOf(event.timestamp ?? event.originalTimestamp, parsed.sentAt ?? event.sentAt, options);
  if (times.warning !== null) judged.warnings.add(index, times.warning, "/timestamp");
  const subjectKey = String(event.anonymousId ?? event.userId);
  const mayHoldAddress = isContextRepaired || (found & (FOUND.address | FOUND.needsRepair)) !== 0;
  const { timeMs, firstTakenMs } = times;
  const id = hashId(messageId);
  return { index, event, messageId, id, subjectKey, timeMs, firstTakenMs, mayHold, mayHoldAddress };
}

/** A removed character may have stood within personal data, and a number that became a text can be a card number. */
function mayHoldOfRepaired({ areTextsChanged }: EventWarnings): number {
  return areTextsChanged ? ALL_PII : PII.card;
}

const TYPES: ReadonlySet<unknown> = new Set(EVENT_TYPES);
const IDS = ["userId", "anonymousId", "groupId", "previousId"] as const;
const OBJECTS = ["properties", "traits", "context", "integrations"] as const;
const TIMES = ["timestamp", "originalTimestamp", "sentAt"] as const;

/** Judges the fields that have a meaning for the pipeline. Others are kept unchecked. `null` counts as missing everywhere. */
function judgeFields(event: JsonObject, defaultType: EventType | null): Refused | null {
  const type = event.type ?? defaultType;
  if (type === null) return refused("missing_field", "/type");
  if (!TYPES.has(type)) return refused("invalid_type", "/type");
  for (const field of OBJECTS) {
    const value = event[field];
    if (value !== undefined && value !== null && !isObject(value)) return refused("invalid_type", `/${field}`);
  }
  for (const field of TIMES) {
    const value = event[field];
    if (value !== undefined && value !== null && typeof value !== "string" && typeof value !== "number") {
      return refused("invalid_type", `/${field}`);
    }
  }
  if (isBlankText(event.userId) && isBlankText(event.anonymousId)) return refused("missing_identity");
  for (const field of IDS) {
    if (field === "userId" && isNotSignedIn(event)) continue;
    const wrong = judgeId(event[field], field);
    if (wrong !== null) return wrong;
  }
  if (isMissing(event.userId) && isMissing(event.anonymousId)) return refused("missing_identity");
  return (
    judgeText(event.messageId, "/messageId", "invalid_message_id", LIMITS.messageIdLength) ??
    judgeByType(event, type as EventType)
  );
}

function judgeByType(event: JsonObject, type: EventType): Refused | null {
  switch (type) {
    case "track":
      if (isMissing(event.event)) return refused("missing_field", "/event");
      return judgeText(event.event, "/event", "invalid_event_name", LIMITS.eventNameLength);
    case "page":
    case "screen":
      // Unnamed pages are common, and some libraries send an empty name.
      if (event.name === "") return null;
      return judgeText(event.name, "/name", "invalid_event_name", LIMITS.eventNameLength);
    case "group":
      return isMissing(event.groupId) ? refused("missing_field", "/groupId") : null;
    case "alias":
      return isMissing(event.previousId) ? refused("missing_field", "/previousId") : null;
    case "identify":
      return null;
  }
}

/** RudderStack's libraries send an empty `userId` for every visitor who has not signed in: it counts as missing. */
function isNotSignedIn(event: JsonObject): boolean {
  return event.userId === "" && !isMissing(event.anonymousId);
}

/** A number is accepted as its text. */
function judgeId(value: unknown, field: string): Refused | null {
  if (typeof value === "number") return null;
  return judgeText(value, `/${field}`, "invalid_user_id", LIMITS.idLength);
}

function judgeText(value: unknown, pointer: string, code: RejectionCode, maxLength: number): Refused | null {
  if (isMissing(value)) return null;
  if (typeof value !== "string") return refused("invalid_type", pointer);
  const isUsable = value !== "" && value.length <= maxLength && !isBlank(value) && !hasControl(value);
  return isUsable ? null : refused(code, pointer);
}

function isBlankText(value: unknown): boolean {
  return typeof value === "string" && isBlank(value);
}

function isMissing(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/**
 * The size of an event is the size of its text as sent. The scan's sizes are lower bounds. The rest of the body (white space,
 * digits, escapes, non-ASCII) may all belong to one event. The exact texts are looked up only if that would exceed the limit.
 */
function rejectTooLarge(judged: Judged, parsed: ParsedBody, sizes: readonly number[], texts: EventTexts): void {
  const known = sizes.reduce((sum, size) => sum + (size ?? 0), 0);
  const slack = Math.max(0, parsed.sent.byteLength - known);
  const mayBeTooLarge = ({ index }: JudgedEvent) => (sizes[index] ?? 0) + slack > LIMITS.eventBytes;
  if (parsed.skimmed === null && !judged.events.some(mayBeTooLarge)) return;
  const kept: JudgedEvent[] = [];
  for (const event of judged.events) {
    if (event.isOrdinary === true || texts.byteLength(event.index) <= LIMITS.eventBytes) kept.push(event);
    else reject(judged, event.index, event.event, refused("event_too_large"));
  }
  judged.events = kept;
  judged.rejected.sort((a, b) => a.index - b.index);
}

function refused(code: RejectionCode, pointer?: string): Refused {
  return pointer === undefined ? { code } : { code, pointer };
}

function reject(judged: Judged, index: number, item: unknown, { code, pointer }: Refused): void {
  const messageId = isObject(item) && typeof item.messageId === "string" ? item.messageId : undefined;
  judged.rejected.push({
    index,
    ...(messageId === undefined ? {} : { messageId: messageId.slice(0, LIMITS.messageIdLength).toWellFormed() }),
    code,
    message: REJECTIONS[code],
    ...(pointer === undefined ? {} : { pointer }),
  });
  judged.clean = false;
}
