// A line of the raw stream: one request as the collector took it, with everything that must be fixed by the first accepted
// copy (time of receipt, key, consent). The body travels as its own bytes where nothing in it had to be repaired, so the hot
// path writes no event anew. A record is a frame (frame.ts) of such lines.

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
  /** Cut to /24 or /48 before it was written anywhere; null when unknown. */
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

/** Personal data that was masked or dropped: JSON pointer relative to the event, and class (or MORE_FINDINGS: findings.ts). */
export const PiiFinding = z.object({ pointer: z.string(), class: z.string() });
export type PiiFinding = z.infer<typeof PiiFinding>;

/** What the edge decided about one event, where it differs from the request's default. */
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
  /** The client said it sent this before (X-Retry-Count above 0). */
  retry: z.boolean(),
  /** Sent with a secret key: `context.ip` may be believed. */
  secret: z.boolean(),
  /** `/v1/import` with a secret key: any past time is taken. */
  anyPast: z.boolean(),
  /** The type an event has that names none: the path's. */
  defaultType: z.nullable(z.enum(EVENT_TYPES)),
  /** Consent of every event without a verdict of its own. */
  consent: z.enum(["accept", "restricted", "cookieless"]),
  /**
   * What the project had chosen when the request was accepted; absent when all is at its default. It travels with the events
   * so that a second run over them, however late, does the same again.
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
 * The last line of a record that the shard puts on the stream again because it does not know whether the first try
 * arrived. The record's partition key is that of the first try, so both come out of the same stream shard, in order.
 */
export const RedeliveryMark = z.object({ v: z.literal(ENVELOPE_VERSION), redelivery: z.literal(true) });
export type RedeliveryMark = z.infer<typeof RedeliveryMark>;

/**
 * The last line of a record that holds one failed event's original, put on the stream again. The processor lets the first
 * such record of a failed event through and drops every other, however often it is replayed.
 */
export const ReplayMark = z.object({
  v: z.literal(ENVELOPE_VERSION),
  /** The failed event's project and id. */
  replay: z.object({ project: z.string(), id: z.string() }),
});
export type ReplayMark = z.infer<typeof ReplayMark>;

export const REDELIVERY_MARK: RedeliveryMark = { v: ENVELOPE_VERSION, redelivery: true };

/** The envelope's line, from its head and the body's text. Raw newlines in JSON are only ever white space. */
export function envelopeLine(head: Omit<RequestEnvelope, "body">, bodyText: string): string {
  const headText = JSON.stringify(head);
  const body = bodyText.includes("\n") || bodyText.includes("\r") ? bodyText.replace(/[\n\r]/g, " ") : bodyText;
  return `${headText.slice(0, -1)},"body":${body}}`;
}
