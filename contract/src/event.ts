// Defines the event as a client sends it: Segment's spec as a schema, for documents, SDKs and tests. The collector walks parsed
// values by hand (edge/src/collect/judge.ts), because it is the hot path. A test compares both.
// docs/API_DOCUMENTATION.md#sending-events.

import * as z from "zod/mini";
import { LIMITS } from "./limits.ts";

export const EVENT_TYPES = ["track", "page", "screen", "identify", "group", "alias"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

const id = z.nullish(z.union([z.string().check(z.minLength(1), z.maxLength(LIMITS.idLength)), z.number()]));
const time = z.nullish(z.union([z.string(), z.number()]));
const json = z.record(z.string(), z.json());

/** One event as sent. Unknown fields are kept. */
export const Event = z.looseObject({
  type: z.optional(z.enum(EVENT_TYPES)),
  messageId: z.nullish(z.string().check(z.minLength(1), z.maxLength(LIMITS.messageIdLength))),
  userId: id,
  anonymousId: id,
  groupId: id,
  previousId: id,
  event: z.nullish(z.string().check(z.minLength(1), z.maxLength(LIMITS.eventNameLength))),
  name: z.nullish(z.string()),
  properties: z.nullish(json),
  traits: z.nullish(json),
  context: z.nullish(json),
  integrations: z.nullish(json),
  timestamp: time,
  originalTimestamp: time,
  sentAt: time,
});
export type Event = z.infer<typeof Event>;

export const Batch = z.looseObject({
  batch: z.array(Event).check(z.minLength(1), z.maxLength(LIMITS.eventsPerRequest)),
  sentAt: time,
  writeKey: z.optional(z.string()),
  context: z.nullish(json),
  integrations: z.nullish(json),
});
export type Batch = z.infer<typeof Batch>;

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Merges the batch's `context` under the item's, one top-level key at a time. A value of the item replaces the batch's whole
 * value.
 */
export function mergeBatchContext(context: unknown, batchContext: unknown): JsonObject {
  const own = isObject(context) ? context : {};
  return isObject(batchContext) ? { ...batchContext, ...own } : own;
}
