/** Defines the types a caller uses: the fields of an event, and the report of lost events. */

/** Free-form JSON object: `properties`, `traits` or parts of `context`. */
export type JsonObject = Record<string, unknown>;

/** Per-event settings. If an id is given here, the remembered ids are not added to that event. */
export interface MessageOptions {
  /** The person who acted, for servers that send events of many people. */
  userId?: string;
  anonymousId?: string;
  /** Time of the event; now by default. */
  timestamp?: Date | string;
  /** Unique per event, at most 100 characters. Two messages with the same id count once. A UUID by default. */
  messageId?: string;
  /** Merged over the collected context, key by key; objects one level deep. */
  context?: JsonObject;
  /** Segment's `integrations` object, sent unchanged. */
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
 * Reasons for the loss of events:
 * - `queue_full`: the queue reached its limit, and the oldest events were dropped;
 * - `event_too_large`: one event is larger than 32 KiB as JSON;
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

/** Events that are permanently lost. Faults that are retried are not reported. */
export interface AnalyticsError {
  code: AnalyticsErrorCode;
  message: string;
  /** The messageIds of the lost events. */
  messageIds: string[];
  /** HTTP status of the collector's answer, if the collector answered. */
  status?: number;
}
