// Defines the enriched event, which is a line of the enriched stream, and the columns of every store that people read. It holds
// surrogates and no id that a client sent. docs/API_DOCUMENTATION.md#the-stores-as-interfaces.

import * as z from "zod/mini";
import { PiiFinding } from "./envelope.ts";
import { EVENT_TYPES } from "./event.ts";

const text = z.nullable(z.string());
const json = z.record(z.string(), z.json());

export const ENRICHED_VERSION = 1;

export const EnrichedEvent = z.object({
  v: z.literal(ENRICHED_VERSION),
  project: z.string(),
  messageId: z.string(),
  type: z.enum(EVENT_TYPES),
  /** Name of a track event, a page or a screen. Null for other types, and for a page without a name. */
  event: text,
  /** Times are epoch milliseconds. `timeMs` is the client's, corrected. */
  timeMs: z.number(),
  receivedAtMs: z.number(),
  sentAtMs: z.nullable(z.number()),
  originalTimeMs: z.nullable(z.number()),
  processedAtMs: z.number(),
  /** Surrogates of the person, the device, the group and the former id, 32 hex digits each. */
  subject: z.string(),
  anonymousSubject: text,
  groupSubject: text,
  previousSubject: text,
  sessionId: text,
  consent: z.enum(["accept", "restricted", "cookieless"]),
  url: text,
  path: text,
  title: text,
  referrer: text,
  referrerMedium: text,
  referrerSource: text,
  country: text,
  region: text,
  city: text,
  /** `desktop`, `mobile`, `tablet`, `tv`, `console`, `wearable`, `embedded`, or null. */
  device: text,
  os: text,
  osVersion: text,
  browser: text,
  browserVersion: text,
  isBot: z.boolean(),
  utmSource: text,
  utmMedium: text,
  utmCampaign: text,
  utmTerm: text,
  utmContent: text,
  library: text,
  keyId: z.string(),
  properties: json,
  traits: json,
  context: json,
  /** Personal data that the edge and the processor masked or dropped; null or absent when there was none. */
  pii: z.optional(z.nullable(z.array(PiiFinding))),
  /** The event may be a duplicate that arrived by another route: look up its message id before counting it. */
  suspect: z.boolean(),
  /** The event's place in the raw stream: region, stream and shard, and a text that sorts in the stream's order (`position`). */
  rawShard: z.string(),
  position: z.string(),
});
export type EnrichedEvent = z.infer<typeof EnrichedEvent>;

/** Kinesis sequence numbers have 56 digits today; AWS allows up to 128. */
const SEQUENCE_DIGITS = 64;
const INDEX_DIGITS = 6;

/** A text that sorts in the raw stream's order: by sequence number, then by the place in the record. */
export function position(sequenceNumber: string, index: number): string {
  return `${sequenceNumber.padStart(SEQUENCE_DIGITS, "0")}.${String(index).padStart(INDEX_DIGITS, "0")}`;
}

export type ColumnKind = "text" | "timestamp" | "boolean" | "json";

export interface StoreColumn {
  column: string;
  field: keyof EnrichedEvent;
  kind: ColumnKind;
  nullable: boolean;
}

function column(name: string, field: keyof EnrichedEvent, kind: ColumnKind, nullable = false): StoreColumn {
  return { column: name, field, kind, nullable };
}

/** The columns of the view `events` and of the Parquet files, in their order. The names are as stable as the routes. */
export const STORE_COLUMNS: readonly StoreColumn[] = [
  column("project", "project", "text"),
  column("message_id", "messageId", "text"),
  column("time", "timeMs", "timestamp"),
  column("received_at", "receivedAtMs", "timestamp"),
  column("sent_at", "sentAtMs", "timestamp", true),
  column("original_timestamp", "originalTimeMs", "timestamp", true),
  column("type", "type", "text"),
  column("event", "event", "text", true),
  column("subject", "subject", "text"),
  column("anonymous_subject", "anonymousSubject", "text", true),
  column("group_subject", "groupSubject", "text", true),
  column("previous_subject", "previousSubject", "text", true),
  column("session_id", "sessionId", "text", true),
  column("consent", "consent", "text"),
  column("url", "url", "text", true),
  column("path", "path", "text", true),
  column("title", "title", "text", true),
  column("referrer", "referrer", "text", true),
  column("referrer_medium", "referrerMedium", "text", true),
  column("referrer_source", "referrerSource", "text", true),
  column("country", "country", "text", true),
  column("region", "region", "text", true),
  column("city", "city", "text", true),
  column("device", "device", "text", true),
  column("os", "os", "text", true),
  column("os_version", "osVersion", "text", true),
  column("browser", "browser", "text", true),
  column("browser_version", "browserVersion", "text", true),
  column("is_bot", "isBot", "boolean"),
  column("utm_source", "utmSource", "text", true),
  column("utm_medium", "utmMedium", "text", true),
  column("utm_campaign", "utmCampaign", "text", true),
  column("utm_term", "utmTerm", "text", true),
  column("utm_content", "utmContent", "text", true),
  column("library", "library", "text", true),
  column("properties", "properties", "json"),
  column("traits", "traits", "json"),
  column("context", "context", "json"),
  column("pii", "pii", "json", true),
];
