// An envelope into its events. Each one is judged against the contract again (the edge has done it, so a fault here
// means that something impossible came in: it becomes a failed event), cleaned (stage 4), and given the batch's context,
// the path's type, the batch's `sentAt` and the edge's verdict. docs/API_DOCUMENTATION.md#sending-events.

import {
  EVENT_TYPES,
  type EventType,
  hasControl,
  isObject,
  type JsonObject,
  LIMITS,
  mergeBatchContext,
  type PiiFinding,
  type RequestEnvelope,
  type StoredConsent,
} from "@behaviour/contract";
import { cleanText } from "../clean-text.ts";
import type { Failure } from "./failure.ts";
import { nodeBudget, sanitizeObject } from "./sanitize.ts";

/** Who the event names: the client's own ids, as text. They go no further than the vault. */
export interface Identity {
  project: string;
  userId: string | null;
  anonymousId: string | null;
  groupId: string | null;
  previousId: string | null;
}

/** An event that satisfies the contract, with everything of its request that belongs to it. */
export interface UnpackedEvent {
  envelope: RequestEnvelope;
  type: EventType;
  messageId: string;
  /** Name of a track event, a page or a screen. */
  name: string | null;
  identity: Identity;
  consent: StoredConsent;
  /** Personal data that the edge masked. */
  pii: readonly PiiFinding[];
  properties: JsonObject;
  traits: JsonObject;
  context: JsonObject;
  /** The event's own time and the request's `sentAt`, as sent. */
  timestamp: unknown;
  sentAt: unknown;
}

export type Unpacked =
  | { ok: true; event: UnpackedEvent }
  | { ok: false; failure: Failure; messageId: string | null; payload: unknown };

/** One result per event of the request, in its order. */
export function* unpackEnvelope(envelope: RequestEnvelope, mayHoldEscapes: boolean): Generator<Unpacked> {
  const body: JsonObject = envelope.body;
  if (envelope.shape === "event") {
    yield judge(
      { envelope, mayHoldEscapes, batchContext: undefined, batchSentAt: undefined, batchFault: null },
      body,
      0,
    );
    return;
  }
  if (!Array.isArray(body.batch)) {
    const failure: Failure = { code: "unreadable_envelope", pointer: "/body/batch" };
    yield { ok: false, failure, messageId: null, payload: body };
    return;
  }
  const batchContext = isObject(body.context) ? body.context : undefined;
  // Once for all events: it is shared by them.
  const pointer = batchContext === undefined ? null : sanitizeObject(batchContext, 2, nodeBudget(), mayHoldEscapes);
  const batchFault = pointer === null ? null : `/context${pointer}`;
  const request = { envelope, mayHoldEscapes, batchContext, batchSentAt: body.sentAt ?? undefined, batchFault };
  for (let index = 0; index < body.batch.length; index++) yield judge(request, body.batch[index], index);
}

interface Request {
  envelope: RequestEnvelope;
  mayHoldEscapes: boolean;
  batchContext: JsonObject | undefined;
  batchSentAt: unknown;
  /** Pointer to what is beyond a limit in the batch's context. */
  batchFault: string | null;
}

function judge(request: Request, sent: unknown, index: number): Unpacked {
  if (!isObject(sent)) return refused(sent, "");
  const { envelope } = request;
  const pointer = request.batchFault ?? sanitizeObject(sent, 1, nodeBudget(), request.mayHoldEscapes);
  if (pointer !== null) return refused(sent, pointer);

  const messageId = idText(sent.messageId, LIMITS.messageIdLength);
  if (messageId === null || messageId === INVALID) return refused(sent, "/messageId");
  const type = eventType(sent.type ?? envelope.defaultType);
  if (type === null) return refused(sent, "/type");
  for (const field of OBJECT_FIELDS) {
    if (sent[field] !== undefined && sent[field] !== null && !isObject(sent[field])) return refused(sent, `/${field}`);
  }
  const context = mergeBatchContext(sent.context, request.batchContext);
  const identity = readIdentity(sent, context, envelope.project);
  if (typeof identity === "string") return refused(sent, identity);
  const name = eventName(type, sent);
  if (name === INVALID) return refused(sent, type === "track" ? "/event" : "/name");
  const missing = missingField(type, identity, name);
  if (missing !== null) return refused(sent, missing);
  const verdict = envelope.verdicts?.[index];

  return {
    ok: true,
    event: {
      envelope,
      type,
      messageId,
      name,
      identity,
      consent: verdict?.consent ?? envelope.consent,
      pii: verdict?.pii ?? NO_FINDINGS,
      properties: objectOr(sent.properties, {}),
      traits: objectOr(sent.traits, objectOr(context.traits, {})),
      context: withUnknownFields(context, sent),
      timestamp: sent.timestamp ?? sent.originalTimestamp ?? undefined,
      sentAt: request.batchSentAt ?? sent.sentAt ?? undefined,
    },
  };
}

const NO_FINDINGS: readonly PiiFinding[] = [];

function refused(sent: unknown, pointer: string): Unpacked {
  const messageId = isObject(sent) && typeof sent.messageId === "string" ? sent.messageId : null;
  return {
    ok: false,
    failure: { code: "invalid_event", pointer: pointer === "" ? null : pointer },
    messageId: messageId === null ? null : cleanText(messageId.slice(0, LIMITS.messageIdLength)),
    payload: sent,
  };
}

const OBJECT_FIELDS = ["properties", "traits", "context"] as const;
/** Marks a value that is there and cannot be used. It cannot be an id: those hold no control characters. */
const INVALID = "\u0000invalid";

/** @returns null when absent, INVALID when it cannot be an id. A number is taken as its text. */
function idText(value: unknown, limit: number): string | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string" || text === "" || hasControl(text)) return INVALID;
  // The limit counts characters; a text of fewer units has fewer of them.
  if (text.length > limit && Array.from(text).length > limit) return INVALID;
  return text;
}

const KNOWN_TYPES: ReadonlySet<unknown> = new Set(EVENT_TYPES);

function eventType(value: unknown): EventType | null {
  return KNOWN_TYPES.has(value) ? (value as EventType) : null;
}

/** @returns the pointer of the id that cannot be used, or the ids. */
function readIdentity(sent: JsonObject, context: JsonObject, project: string): Identity | string {
  const userId = idText(sent.userId, LIMITS.idLength);
  if (userId === INVALID) return "/userId";
  const anonymousId = idText(sent.anonymousId, LIMITS.idLength);
  if (anonymousId === INVALID) return "/anonymousId";
  if (userId === null && anonymousId === null) return "/userId";
  const groupId = idText(sent.groupId, LIMITS.idLength);
  if (groupId === INVALID) return "/groupId";
  const previousId = idText(sent.previousId, LIMITS.idLength);
  if (previousId === INVALID) return "/previousId";
  // Libraries repeat the group in the context of every event after `group()`; an unusable one there is no fault.
  const contextGroup = groupId === null ? idText(context.groupId, LIMITS.idLength) : null;
  return {
    project,
    userId,
    anonymousId,
    groupId: groupId ?? (contextGroup === INVALID ? null : contextGroup),
    previousId,
  };
}

function eventName(type: EventType, sent: JsonObject): string | null {
  if (type === "track") return idText(typeof sent.event === "number" ? INVALID : sent.event, LIMITS.eventNameLength);
  if (type !== "page" && type !== "screen") return null;
  const name = sent.name ?? (isObject(sent.properties) ? sent.properties.name : undefined);
  // A page's name is free text: one that is no text is no name, and the event is whole without it.
  return typeof name === "string" && name !== "" ? name : null;
}

function missingField(type: EventType, identity: Identity, name: string | null): string | null {
  if (type === "track" && name === null) return "/event";
  if (type === "group" && identity.groupId === null) return "/groupId";
  if (type === "alias" && identity.previousId === null) return "/previousId";
  return null;
}

function objectOr(value: unknown, fallback: JsonObject): JsonObject {
  return isObject(value) ? value : fallback;
}

/** What has a place of its own in the enriched event, or none for a reason (`writeKey` is a credential). */
export const PLACED_FIELDS: ReadonlySet<string> = new Set([
  ...OBJECT_FIELDS,
  "type",
  "messageId",
  "userId",
  "anonymousId",
  "groupId",
  "previousId",
  "event",
  "name",
  "writeKey",
  "timestamp",
  "originalTimestamp",
  "sentAt",
  "receivedAt",
]);

/** Libraries send `integrations: {}` with every event. */
function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (isObject(value) && Object.keys(value).length === 0);
}

/** Fields that are not known are kept (docs/API_DOCUMENTATION.md#sending-events): `channel`, `_metadata`, `integrations` … stand in `context.$fields`. */
function withUnknownFields(context: JsonObject, sent: JsonObject): JsonObject {
  let unknown: JsonObject | undefined;
  for (const field in sent) {
    if (PLACED_FIELDS.has(field) || isEmpty(sent[field])) continue;
    unknown ??= {};
    unknown[field] = sent[field];
  }
  return unknown === undefined ? context : { ...context, $fields: unknown };
}
