// Unpacks an envelope into its events. Each event is checked against the contract again. The edge has checked it before, so a
// fault here means that impossible input arrived, and the event becomes a failed event. Each event is cleaned (stage 4) and gets
// the batch's context, the path's type, the batch's `sentAt` and the edge's verdict. docs/API_DOCUMENTATION.md#sending-events.

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

/** The client's own ids that the event names, as text. They go no further than the vault. */
export interface Identity {
  project: string;
  userId: string | null;
  anonymousId: string | null;
  groupId: string | null;
  previousId: string | null;
  /** Id of the secret key that sent the event; null for a public key, which every visitor knows. */
  vouchedBy: string | null;
}

/** An event that satisfies the contract, with the parts of its request that apply to it. */
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
  // The events share the batch's context, so it is cleaned once.
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
  /** Pointer to the value in the batch's context that exceeds a limit; null when no value does. */
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
  const identity = readIdentity(sent, context, envelope);
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
/** Marks a value that is present but cannot be used. It is never a valid id, because ids hold no control characters. */
const INVALID = "\u0000invalid";

/** @returns null if the value is absent, INVALID if it cannot be an id. A number is converted to text. */
function idText(value: unknown, limit: number): string | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string" || text === "" || hasControl(text)) return INVALID;
  // The limit counts characters. A text never has more characters than UTF-16 units.
  if (text.length > limit && Array.from(text).length > limit) return INVALID;
  return text;
}

const KNOWN_TYPES: ReadonlySet<unknown> = new Set(EVENT_TYPES);

function eventType(value: unknown): EventType | null {
  return KNOWN_TYPES.has(value) ? (value as EventType) : null;
}

/** @returns the ids, or the pointer of the id that cannot be used. */
function readIdentity(
  sent: JsonObject,
  context: JsonObject,
  { project, keyId, secret }: RequestEnvelope,
): Identity | string {
  const userId = idText(sent.userId, LIMITS.idLength);
  if (userId === INVALID) return "/userId";
  const anonymousId = idText(sent.anonymousId, LIMITS.idLength);
  if (anonymousId === INVALID) return "/anonymousId";
  if (userId === null && anonymousId === null) return "/userId";
  const groupId = idText(sent.groupId, LIMITS.idLength);
  if (groupId === INVALID) return "/groupId";
  const previousId = idText(sent.previousId, LIMITS.idLength);
  if (previousId === INVALID) return "/previousId";
  // Libraries repeat the group in the context of every event after `group()`. An unusable group id there is not a fault.
  const contextGroup = groupId === null ? idText(context.groupId, LIMITS.idLength) : null;
  return {
    project,
    userId,
    anonymousId,
    groupId: groupId ?? (contextGroup === INVALID ? null : contextGroup),
    previousId,
    vouchedBy: secret ? keyId : null,
  };
}

function eventName(type: EventType, sent: JsonObject): string | null {
  if (type === "track") return idText(typeof sent.event === "number" ? INVALID : sent.event, LIMITS.eventNameLength);
  if (type !== "page" && type !== "screen") return null;
  const name = sent.name ?? (isObject(sent.properties) ? sent.properties.name : undefined);
  // A page's name is free text. A value that is not text counts as no name, and the event is valid without a name.
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

/** Fields that have their own place in the enriched event, or that are left out for a reason (`writeKey` is a credential). */
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

/**
 * Keeps unknown fields (docs/API_DOCUMENTATION.md#sending-events): `channel`, `_metadata`, `integrations` … are stored in
 * `context.$fields`.
 */
function withUnknownFields(context: JsonObject, sent: JsonObject): JsonObject {
  let unknown: JsonObject | undefined;
  for (const field in sent) {
    if (PLACED_FIELDS.has(field) || isEmpty(sent[field])) continue;
    unknown ??= {};
    unknown[field] = sent[field];
  }
  return unknown === undefined ? context : { ...context, $fields: unknown };
}
