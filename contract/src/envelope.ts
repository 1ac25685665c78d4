// Defines the envelope, which is a line of the raw stream: one accepted request, with everything that the first accepted copy of
// an event must fix (time of receipt, key, consent). A body that needs no repair is stored as the bytes that were sent, so the
// hot path does not serialize events again. A record is a frame (frame.ts) of such lines.

import * as z from "zod/mini";
import { EVENT_TYPES } from "./event.ts";
import { ProcessorSettings } from "./settings.ts";

export const ENVELOPE_VERSION = 1;

/** User-agent client hints (`Sec-CH-UA…`) as the browser sent them: structured fields, unparsed. */
export const ClientHints = z.object({
  brands: z.nullable(z.string()),
  mobile: z.nullable(z.string()),
  platform: z.nullable(z.string()),
});
export type ClientHints = z.infer<typeof ClientHints>;

export const RequestSource = z.object({
  /** Cut to /24 or /48 before the first write; null when unknown. */
  ip: z.nullable(z.string()),
  userAgent: z.nullable(z.string()),
  /** ISO 3166-1 alpha-2; null when unknown. */
  country: z.nullable(z.string()),
  region: z.nullable(z.string()),
  city: z.nullable(z.string()),
  timezone: z.nullable(z.string()),
  referer: z.nullable(z.string()),
  /** Absent when the client sent none. */
  clientHints: z.optional(ClientHints),
});
export type RequestSource = z.infer<typeof RequestSource>;

/** Personal data that was masked or dropped: its JSON pointer in the event, and its class (or MORE_FINDINGS: findings.ts). */
export const PiiFinding = z.object({ pointer: z.string(), class: z.string() });
export type PiiFinding = z.infer<typeof PiiFinding>;

/** The edge's decision about one event, if it differs from the request's default. */
export const EventVerdict = z.object({
  consent: z.optional(z.enum(["accept", "restricted", "cookieless"])),
  /** Personal data the edge found. */
  pii: z.optional(z.array(PiiFinding)),
});
export type EventVerdict = z.infer<typeof EventVerdict>;

export const RequestEnvelope = z.object({
  v: z.literal(ENVELOPE_VERSION),
  project: z.string(),
  keyId: z.string(),
  requestId: z.string(),
  /** Epoch milliseconds, the edge's clock. */
  receivedAtMs: z.number(),
  /** The client marked the request as a retry (`X-Retry-Count` above 0). */
  retry: z.boolean(),
  /** The request was sent with a secret key, so `context.ip` is trusted. */
  secret: z.boolean(),
  /** The request was sent to `/v1/import` with a secret key, so any past time is accepted. */
  anyPast: z.boolean(),
  /** The type of events without a type of their own, from the path. */
  defaultType: z.nullable(z.enum(EVENT_TYPES)),
  /** The consent of every event that has no verdict of its own. */
  consent: z.enum(["accept", "restricted", "cookieless"]),
  /**
   * The project's settings when the request was accepted; absent if all are the defaults. They are stored with the events, so
   * that a later run over the same events has the same result.
   */
  settings: z.optional(ProcessorSettings),
  source: RequestSource,
  /** By index into the batch (a single event is index 0). */
  verdicts: z.optional(z.record(z.string(), EventVerdict)),
  /** `batch`: `body` is `{batch, sentAt?, context?, …}`; `event`: `body` is the event itself. */
  shape: z.enum(["batch", "event"]),
  body: z.looseObject({}),
});
export type RequestEnvelope = z.infer<typeof RequestEnvelope>;

/**
 * The last line of a record that the shard sends again because it does not know whether the first try arrived. Both tries have
 * the same partition key, so both are read from the same stream shard, in order.
 */
export const RedeliveryMark = z.object({ v: z.literal(ENVELOPE_VERSION), redelivery: z.literal(true) });
export type RedeliveryMark = z.infer<typeof RedeliveryMark>;

/**
 * The last line of a record with a failed event's original that is replayed. The processor accepts the first such record of a
 * failed event and drops all later ones, however often the event is replayed.
 */
export const ReplayMark = z.object({
  v: z.literal(ENVELOPE_VERSION),
  /** The failed event's project and id. */
  replay: z.object({ project: z.string(), id: z.string() }),
});
export type ReplayMark = z.infer<typeof ReplayMark>;

export const REDELIVERY_MARK: RedeliveryMark = { v: ENVELOPE_VERSION, redelivery: true };

/** Joins an envelope's head and its body's text into a line. A raw newline in JSON is always white space. */
export function envelopeLine(head: Omit<RequestEnvelope, "body">, bodyText: string): string {
  const headText = JSON.stringify(head);
  const body = bodyText.includes("\n") || bodyText.includes("\r") ? bodyText.replace(/[\n\r]/g, " ") : bodyText;
  return `${headText.slice(0, -1)},"body":${body}}`;
}
