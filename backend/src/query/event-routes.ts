// Serves the routes that return events: the listing, and the trace of one message. docs/API_DOCUMENTATION.md#reading.

import type { Hono } from "hono";
import type { Sql } from "postgres";
import type { Caller } from "../operation/caller.ts";
import { type Asked, endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { readQuery, type TimeRange, timeRange } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import type { LookupSubjects } from "../vault/index.ts";
import { type CursorPosition, type CursorSigner, questionDigest } from "./cursor.ts";
import { EventsParameters, listEvents } from "./events.ts";
import { isMessageId, readShardTrace, traceMessage, type Whereabouts } from "./trace.ts";

export interface EventRouteParts {
  sql: Sql;
  cursors: CursorSigner;
  lookupSubjects: LookupSubjects;
  whereabouts: Whereabouts;
  record: RecordAction;
  nowMs: () => number;
}

export function mountEvents(app: Hono, parts: EventRouteParts): void {
  mount(app, "/v1/events", {
    GET: endpoint(parts.record, {
      scope: "read",
      action: "events.list",
      read: (c) => readQuery(c, EventsParameters),
      answer: (asked) => answerListing(asked, parts),
    }),
  });
  mount(app, "/v1/events/:messageId", {
    GET: endpoint(parts.record, {
      scope: "read",
      action: "events.trace",
      read: (c) => {
        const messageId = c.req.param("messageId") ?? "";
        return isMessageId(messageId) ? ok(messageId) : refused<string>("not_found");
      },
      answer: async ({ caller, input: messageId, audit, c }) => {
        await audit({ messageId });
        const shard = readShardTrace(c.req.header("x-shard-trace"));
        const trace = await traceMessage(caller.project, messageId, shard, parts.whereabouts);
        return trace === null ? refused("not_found", undefined, "No such message.") : ok({ data: trace });
      },
    }),
  });
}

async function answerListing(asked: Asked<EventsParameters>, parts: EventRouteParts) {
  const { caller, input, audit } = asked;
  const question = questionOf(caller, input);
  const start = whereToStart(input, question, parts);
  if (!start.ok) return start;
  const { range, after } = start.value;
  const { userId, anonymousId, event, limit } = input;
  // The vault is queried first, so that the audit log can name the person by surrogate. The log contains no client's id.
  const known = await parts.lookupSubjects(caller.project, { userId, anonymousId });
  // All subjects that are known to be the same person: other devices before the person signed in, and ids before an alias.
  const subjects = known.person ?? filterBy(userId, known.subject);
  const anonymousSubjects = filterBy(anonymousId, known.anonymousSubject);
  await audit({ ...range, event, limit, subjects, anonymousSubjects, next: after !== undefined });
  const filter = { range, after, subjects, anonymousSubjects, event, limit };
  const page = await listEvents(parts.sql, caller.project, filter);
  const nextCursor = page.last === null ? null : parts.cursors.seal({ ...range, ...page.last }, question);
  return ok({ data: page.events, nextCursor });
}

/** An id that the vault does not know (or has erased) matches nothing. */
function filterBy(id: string | undefined, surrogate: string | null): string[] | undefined {
  if (id === undefined) return undefined;
  return surrogate === null ? [] : [surrogate];
}

/** A cursor is valid for the question it was issued for. Only the page size may change. */
function questionOf(caller: Caller, { userId, anonymousId, event }: EventsParameters): string {
  return questionDigest([caller.project, userId ?? null, anonymousId ?? null, event ?? null]);
}

/** The cursor contains the first page's range, so that "the last 24 hours" stay the same 24 hours while paging. */
function whereToStart(
  input: EventsParameters,
  question: string,
  { cursors, nowMs }: EventRouteParts,
): Result<{ range: TimeRange; after: CursorPosition | undefined }> {
  if (input.cursor === undefined) {
    const range = timeRange(input, nowMs());
    return range.ok ? ok({ range: range.value, after: undefined }) : range;
  }
  const after = cursors.open(input.cursor, question);
  const sameRange =
    after !== null && (input.from ?? after.fromMs) === after.fromMs && (input.to ?? after.toMs) === after.toMs;
  if (!sameRange) {
    return refused("invalid_parameter", "/cursor", "/cursor: not a cursor of this listing with these filters.");
  }
  return ok({ range: { fromMs: after.fromMs, toMs: after.toMs }, after });
}
