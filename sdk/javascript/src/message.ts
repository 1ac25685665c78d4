/** The shapes a caller meets: what an event may carry, and what is reported when one is lost. */

/** Free-form JSON object: `properties`, `traits` or parts of `context`. */
export type JsonObject = Record<string, unknown>;

/** Per-event settings. An id given here stands alone: none of the remembered ids is added to that event. */
export interface MessageOptions {
  /** Who did it, for servers that speak for many people. */
  userId?: string;
  anonymousId?: string;
  /** When it happened; now by default. */
  timestamp?: Date | string;
  /** Unique per event, at most 100 characters. A message sent twice under one id counts once. A UUID by default. */
  messageId?: string;
  /** Merged over the collected context, key by key; objects one level deep. */
  context?: JsonObject;
  /** Segment's `integrations` object, passed on as it is. */
  integrations?: JsonObject;
}

export type MessageType = "track" | "page" | "identify" | "group" | "alias";

/** One event as it goes over the wire, in Segment's field names. */
export interface Message {
  type: MessageType;
  messageId: string;
  /** RFC 3339, by this device's clock. */
  timestamp: string;
  userId?: string;
  anonymousId?: string;
  event?: string;
  name?: string;
  groupId?: string;
  previousId?: string;
  properties?: JsonObject;
  traits?: JsonObject;
  context: JsonObject;
  integrations?: JsonObject;
}

/**
 * Why events are lost:
 * - `queue_full`: the queue's bound was reached, the oldest events made room;
 * - `event_too_large`: one event is beyond 32 KiB as JSON;
 * - `event_not_json`: the event cannot be written as JSON (a cycle, a BigInt);
 * - `event_rejected`: the collector stored the rest of the batch and refused this event; `message` says why;
 * - `batch_refused`: the collector answered 4xx (a wrong key, a forbidden origin); `status` is its answer.
 */
export type AnalyticsErrorCode =
  | "queue_full"
  | "event_too_large"
  | "event_not_json"
  | "event_rejected"
  | "batch_refused";

/** Events that are lost for good. Faults that are retried are not reported. */
export interface AnalyticsError {
  code: AnalyticsErrorCode;
  message: string;
  /** The events concerned. */
  messageIds: string[];
  /** HTTP status of the collector's answer, where there was one. */
  status?: number;
}
