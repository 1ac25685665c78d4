// Answers `GET /v1/events`: the enriched events, newest first, with Segment's field names. Pages are read by keyset, so that a
// late page costs as much as the first page and events that arrive meanwhile do not shift the pages.

import { LIMITS, TUNINGS } from "@behaviour/contract";
import type { Fragment, Row, Sql } from "postgres";
import * as z from "zod/mini";
import { integer, rangeShape, type TimeRange, text } from "../operation/parameters.ts";
import type { CursorPosition } from "./cursor.ts";
import { boundInstant, inRange } from "./window.ts";

export const EventsParameters = z.object({
  ...rangeShape,
  userId: z.optional(text(LIMITS.idLength)),
  anonymousId: z.optional(text(LIMITS.idLength)),
  event: z.optional(text(LIMITS.eventNameLength)),
  limit: z._default(integer(1, LIMITS.queryEventsMax), TUNINGS.queryEventsDefault),
  cursor: z.optional(z.string()),
});
export type EventsParameters = z.infer<typeof EventsParameters>;

/** An event as readers get it. Times are ISO. Ids are surrogates, because no store contains the client's ids. */
export interface ListedEvent {
  messageId: string;
  type: string;
  /** Name of a track event. */
  event?: string;
  /** Name of a page or screen. */
  name?: string;
  timestamp: string;
  receivedAt: string;
  sentAt: string | null;
  originalTimestamp: string | null;
  subject: string;
  anonymousSubject: string | null;
  sessionId: string | null;
  consent: string;
  properties: unknown;
  traits: unknown;
  context: unknown;
  /** Values that the processor derived. Members without a value are left out. */
  enriched: Record<string, unknown>;
}

export interface EventsFilter {
  range: TimeRange;
  /** Surrogates; undefined does not filter, an empty list matches nothing. */
  subjects: readonly string[] | undefined;
  anonymousSubjects: readonly string[] | undefined;
  event: string | undefined;
  limit: number;
  /** The last row of the previous page. */
  after: CursorPosition | undefined;
}

export interface EventsPage {
  events: ListedEvent[];
  /** The row after which the next page starts, or null if this is the last page. */
  last: { timeMs: number; messageId: string } | null;
}

const ENRICHED = {
  url: "url",
  path: "path",
  title: "title",
  referrer: "referrer",
  referrer_medium: "referrerMedium",
  referrer_source: "referrerSource",
  country: "country",
  region: "region",
  city: "city",
  device: "device",
  os: "os",
  os_version: "osVersion",
  browser: "browser",
  browser_version: "browserVersion",
  is_bot: "isBot",
  utm_source: "utmSource",
  utm_medium: "utmMedium",
  utm_campaign: "utmCampaign",
  utm_term: "utmTerm",
  utm_content: "utmContent",
  library: "library",
  group_subject: "groupSubject",
  previous_subject: "previousSubject",
  pii: "pii",
} as const;

const COLUMNS = [
  "message_id",
  "type",
  "event",
  "time",
  "received_at",
  "sent_at",
  "original_timestamp",
  "subject",
  "anonymous_subject",
  "session_id",
  "consent",
  "properties",
  "traits",
  "context",
  ...Object.keys(ENRICHED),
];

export async function listEvents(sql: Sql, project: string, filter: EventsFilter): Promise<EventsPage> {
  const { range, limit, after } = filter;
  const rows = await sql`
    select ${sql(COLUMNS)}
    from event
    where project = ${project} and ${inRange(sql, range)}
      ${filter.event === undefined ? sql`` : sql`and label = ${filter.event}`}
      ${oneOf(sql, "subject", filter.subjects)}
      ${oneOf(sql, "anonymous_subject", filter.anonymousSubjects)}
      ${after === undefined ? sql`` : beforeCursor(sql, after)}
    order by time desc, message_id desc
    limit ${limit + 1}`;
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    events: page.map(toListedEvent),
    last: more ? { timeMs: (last.time as Date).getTime(), messageId: last.message_id as string } : null,
  };
}

/** The bound of `time` alone lets the database skip the chunks and batches after the cursor, which the pair does not. */
function beforeCursor(sql: Sql, { timeMs, messageId }: CursorPosition): Fragment {
  const time = boundInstant(sql, timeMs);
  return sql`and time <= ${time} and (time, message_id) < (${time}, ${messageId})`;
}

function oneOf(sql: Sql, column: "subject" | "anonymous_subject", values: readonly string[] | undefined): Fragment {
  return values === undefined ? sql`` : sql`and ${sql(column)} = any(${[...values]}::text[])`;
}

/** Converts a row with the columns of the store. */
export function toListedEvent(row: Row): ListedEvent {
  const type = row.type as string;
  const named =
    row.event === null ? {} : type === "track" ? { event: row.event as string } : { name: row.event as string };
  const enriched: Record<string, unknown> = {};
  for (const [column, name] of Object.entries(ENRICHED)) if (row[column] !== null) enriched[name] = row[column];
  return {
    messageId: row.message_id as string,
    type,
    ...named,
    timestamp: iso(row.time) ?? "",
    receivedAt: iso(row.received_at) ?? "",
    sentAt: iso(row.sent_at),
    originalTimestamp: iso(row.original_timestamp),
    subject: row.subject as string,
    anonymousSubject: row.anonymous_subject as string | null,
    sessionId: row.session_id as string | null,
    consent: row.consent as string,
    properties: row.properties,
    traits: row.traits,
    context: row.context,
    enriched,
  };
}

function iso(value: unknown): string | null {
  return value instanceof Date ? value.toISOString() : null;
}
