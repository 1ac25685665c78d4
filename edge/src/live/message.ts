// Defines the messages of the live tail. Each is one JSON text. docs/API_DOCUMENTATION.md, "Live tail".

import type { ErrorCode, Rejection, StoredConsent } from "@behaviour/contract";
import { masked } from "../pii/masked.ts";

export type LiveMessage = EventMessage | RefusedMessage | DroppedMessage | ConfirmMessage;

/** The outcome of one event. */
export interface EventMessage {
  type: "event";
  /** RFC 3339: the time of receipt. */
  at: string;
  outcome: "accepted" | "duplicate" | "suppressed" | "rejected";
  /** The reason of a rejected event. For a suppressed event: regime, purpose and source, and no part of the event. */
  code?: string;
  message?: string;
  /** JSON pointer relative to the event. */
  pointer?: string;
  /** Only for an accepted event. */
  consent?: StoredConsent;
  /** An accepted event as it is stored, with personal data masked. For a duplicate or a rejected event only its id, if known. */
  event?: Record<string, unknown>;
}

/** A request that was refused as a whole, without any part of its body. The number of its events is unknown. */
export interface RefusedMessage {
  type: "refused";
  /** RFC 3339. */
  at: string;
  /** The request's path, without its query string. */
  path: string;
  /** The id in the answer. */
  requestId: string;
  code: ErrorCode;
  message: string;
  /** JSON pointer into the body. */
  pointer?: string;
}

/** The number of messages that were omitted before this one, because the watcher or the feed could not keep up. */
export interface DroppedMessage {
  type: "dropped";
  count: number;
}

/** Asks the watcher to send the same text back. A watcher that does so may have more messages waiting (outbox.ts). */
export interface ConfirmMessage {
  type: "confirm";
  upTo: number;
}

/** A rejected event is not stored, so personal data in its id is not shown either. The answer to its sender has the id. */
export function rejectedMessage(at: string, rejection: Rejection): EventMessage {
  const { messageId, code, message, pointer } = rejection;
  return {
    type: "event",
    at,
    outcome: "rejected",
    code,
    message,
    ...(pointer === undefined ? {} : { pointer }),
    ...(messageId === undefined ? {} : { event: { messageId: masked(messageId) } }),
  };
}

/**
 * The event as it is stored, without a key from its body and without an IP address, even a cut one.
 * @param type the type from the path, for an event without a type of its own.
 */
export function shownEvent(event: Record<string, unknown>, type: string | null): Record<string, unknown> {
  const { writeKey: _writeKey, ...shown } = event;
  const { context } = event;
  if (typeof context === "object" && context !== null && "ip" in context) {
    const { ip: _ip, ...rest } = context;
    shown.context = rest;
  }
  return shown.type === undefined || shown.type === null ? { ...shown, type } : shown;
}
