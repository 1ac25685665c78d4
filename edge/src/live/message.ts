// What a watcher of the live tail is sent: one JSON text a message. docs/API_DOCUMENTATION.md, "Live tail".

import type { ErrorCode, Rejection, StoredConsent } from "@behaviour/contract";
import { masked } from "../pii/masked.ts";

export type LiveMessage = EventMessage | RefusedMessage | DroppedMessage | ConfirmMessage;

/** What became of one event. */
export interface EventMessage {
  type: "event";
  /** RFC 3339: when the edge received it. */
  at: string;
  outcome: "accepted" | "duplicate" | "suppressed" | "rejected";
  /** Of a rejected event: its reason. Of a suppressed one: regime, purpose and source, nothing of the event. */
  code?: string;
  message?: string;
  /** JSON pointer relative to the event. */
  pointer?: string;
  /** Of an accepted event. */
  consent?: StoredConsent;
  /** Of an accepted event as it is stored, personal data masked; of a duplicate or rejected one its id, as far as known. */
  event?: Record<string, unknown>;
}

/** A request was refused as a whole, with nothing of its body. How many events it held nobody knows. */
export interface RefusedMessage {
  type: "refused";
  /** RFC 3339. */
  at: string;
  /** Of the call, without its query string. */
  path: string;
  /** As its answer says. */
  requestId: string;
  code: ErrorCode;
  message: string;
  /** JSON pointer into the body. */
  pointer?: string;
}

/** So many messages before this one were left out, because this watcher or the feed could not keep up. */
export interface DroppedMessage {
  type: "dropped";
  count: number;
}

/** Asks for itself: a watcher that sends the same text back is sent more at once (outbox.ts). */
export interface ConfirmMessage {
  type: "confirm";
  upTo: number;
}

/** Nothing of a rejected event is stored, so personal data in its id is not shown either; its sender is answered with it. */
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
 * The event as it is stored, without a key that came in its body and without an address, cut as it is.
 * @param type what its path says, for an event that does not say it itself.
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
