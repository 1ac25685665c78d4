// Describes the calls that read. docs/API_DOCUMENTATION.md#reading.

import { type ErrorCode, FAILURES, LIMITS, TUNINGS } from "@behaviour/contract";
import {
  dataAnswer,
  jsonAnswer,
  type Operation,
  type Parameter,
  pathParameter,
  queryParameter,
  ref,
  type Schema,
  shellJson,
} from "../operation.ts";

const TAG = "Reading";

const READ_ERRORS: readonly ErrorCode[] = [
  "invalid_parameter",
  "missing_api_key",
  "invalid_api_key",
  "insufficient_scope",
  "origin_not_allowed",
  "ip_not_allowed",
  "secret_key_in_browser",
  "method_not_allowed",
  "unavailable",
];
const ASKED_BY_BODY: readonly ErrorCode[] = [
  ...READ_ERRORS,
  "invalid_json",
  "invalid_encoding",
  "invalid_payload",
  "empty_body",
  "payload_too_large",
];

const TIME: Schema = { anyOf: [{ type: "string", format: "date-time" }, { type: "integer" }] };
const RANGE: readonly Parameter[] = [
  queryParameter("from", "RFC 3339 or epoch milliseconds, inclusive; 24 hours ago unless said.", TIME),
  queryParameter("to", "The same, exclusive; now unless said.", TIME),
];
const EVENT = queryParameter("event", "Only events of this name.", {
  type: "string",
  maxLength: LIMITS.eventNameLength,
});
const DIMENSION =
  "`event`, `page`, `referrer`, `country`, `device`, `os`, `browser`, `utm_source` …, or `properties.<name>`.";

function limit(most: number, usual: number): Parameter {
  return queryParameter("limit", "How many.", { type: "integer", minimum: 1, maximum: most, default: usual });
}

function list(properties: Record<string, Schema>): Schema {
  return { type: "array", items: { type: "object", properties } };
}

const number: Schema = { type: "number" };
const text: Schema = { type: "string" };
const textOrNull: Schema = { type: ["string", "null"] };

function get(path: string): string {
  return `curl "$ORIGIN${path}" -H "Authorization: Bearer $SECRET_KEY"`;
}

function ask(path: string, question: unknown): string {
  return `curl "$ORIGIN${path}" -H "Authorization: Bearer $SECRET_KEY" \\\n  -d ${shellJson(question)}`;
}

type Reading = Omit<Operation, "tag" | "scope" | "alsoBy" | "errors" | "method"> & Partial<Operation>;

function reading(operation: Reading): Operation {
  return { method: "GET", tag: TAG, scope: "read", errors: READ_ERRORS, ...operation };
}

const FUNNEL = {
  steps: [
    { event: "Product Viewed" },
    { event: "Product Added", where: { "properties.currency": ["EUR", "USD"] } },
    { event: "Order Completed" },
  ],
  within: "7d",
  breakdown: "device",
};
const RETENTION = { cohort: { event: "Product Viewed" }, return: { event: "Order Completed" }, interval: "day" };

export const READING: readonly Operation[] = [
  reading({
    path: "/v1/query/realtime",
    operationId: "realtime",
    summary: "What happens now",
    description: "Counted by time of receipt, at most a second behind the edge. `activeUsers` is an estimate.",
    parameters: [
      queryParameter("minutes", "How far back.", {
        type: "integer",
        minimum: 1,
        maximum: LIMITS.realtimeMinutesMax,
        default: 30,
      }),
    ],
    answers: [
      dataAnswer("The figures.", {
        type: "object",
        properties: {
          activeUsers: number,
          perMinute: list({ minute: text, events: number }),
          topEvents: list({ event: textOrNull, count: number }),
          topPages: list({ page: textOrNull, count: number }),
          countries: list({ country: textOrNull, count: number }),
        },
      }),
    ],
    curl: get("/v1/query/realtime?minutes=30"),
  }),
  reading({
    path: "/v1/query/trend",
    operationId: "trend",
    summary: "Events or people over time",
    description: `Gaps are filled with 0; at most ${LIMITS.queryBuckets.toLocaleString("en")} buckets; a breakdown has its 20 most frequent values.`,
    parameters: [
      EVENT,
      queryParameter("interval", "Length of a bucket.", { enum: ["minute", "hour", "day"], default: "hour" }),
      queryParameter("measure", "What is counted.", { enum: ["events", "users"], default: "events" }),
      queryParameter("breakdown", DIMENSION, text),
      queryParameter("timezone", "IANA name, for where days begin.", { type: "string", default: "UTC" }),
      ...RANGE,
    ],
    answers: [dataAnswer("The buckets in order.", list({ bucket: text, value: number, breakdown: text }))],
    curl: get("/v1/query/trend?interval=minute&breakdown=event"),
  }),
  reading({
    path: "/v1/query/sessions",
    operationId: "sessions",
    summary: "Sessions over time",
    description:
      "By the bucket they began in. The client's own sessions; else 30 minutes without an event, midnight of the time zone or another campaign end one.",
    parameters: [
      queryParameter("interval", "Length of a bucket.", { enum: ["hour", "day"], default: "day" }),
      queryParameter("timezone", "IANA name, for where days begin.", { type: "string", default: "UTC" }),
      ...RANGE,
    ],
    answers: [
      dataAnswer(
        "The buckets in order.",
        list({
          bucket: text,
          sessions: number,
          users: number,
          bounces: number,
          events: number,
          averageDurationMs: number,
        }),
      ),
    ],
    curl: get("/v1/query/sessions?timezone=Europe/Berlin"),
  }),
  reading({
    path: "/v1/query/top",
    operationId: "top",
    summary: "The most frequent values",
    parameters: [queryParameter("by", DIMENSION, text, true), limit(LIMITS.queryTopMax, 10), ...RANGE],
    answers: [dataAnswer("Most frequent first.", list({ value: text, count: number, users: number }))],
    curl: get("/v1/query/top?by=utm_source"),
  }),
  reading({
    method: "POST",
    path: "/v1/query/funnel",
    operationId: "funnel",
    summary: "How many did all steps in order",
    description: "Per person, all steps `within` a span that begins with the first; `where` names dimensions.",
    body: { required: true, schema: ref("FunnelQuestion"), example: FUNNEL },
    answers: [
      dataAnswer(
        "One row a step.",
        list({ step: number, event: text, users: number, conversion: number, breakdown: text }),
      ),
    ],
    errors: ASKED_BY_BODY,
    curl: ask("/v1/query/funnel", FUNNEL),
  }),
  reading({
    method: "POST",
    path: "/v1/query/retention",
    operationId: "retention",
    summary: "How many came back",
    body: { required: true, schema: ref("RetentionQuestion"), example: RETENTION },
    answers: [
      dataAnswer(
        "One row a cohort.",
        list({ cohort: text, users: number, periods: list({ period: number, users: number, rate: number }) }),
      ),
    ],
    errors: ASKED_BY_BODY,
    curl: ask("/v1/query/retention", RETENTION),
  }),
  reading({
    path: "/v1/events",
    operationId: "listEvents",
    summary: "Events, newest first",
    parameters: [
      queryParameter("userId", "Of this person.", { type: "string", maxLength: LIMITS.idLength }),
      queryParameter("anonymousId", "Of this device.", { type: "string", maxLength: LIMITS.idLength }),
      EVENT,
      limit(LIMITS.queryEventsMax, TUNINGS.queryEventsDefault),
      queryParameter("cursor", "`nextCursor` of the page before.", text),
      ...RANGE,
    ],
    answers: [
      dataAnswer("A page of events.", { type: "array", items: ref("ListedEvent") }, undefined, {
        nextCursor: { type: ["string", "null"] },
      }),
    ],
    curl: get("/v1/events?limit=10"),
  }),
  reading({
    path: "/v1/events/{messageId}",
    operationId: "traceEvent",
    summary: "Where one message is",
    description:
      "Each stage with its time once it got there: `accepted` `flushed` `processed` `hot` `warm` `cold`; or `failed`, `suppressed`.",
    parameters: [pathParameter("messageId", "As it was sent.")],
    answers: [dataAnswer("Its way.", { type: "object", properties: { messageId: text } })],
    errors: [...READ_ERRORS, "not_found"],
    curl: get("/v1/events/$MESSAGE_ID"),
  }),
  reading({
    path: "/v1/live",
    operationId: "live",
    summary: "Watch events as they are accepted",
    description:
      "A WebSocket; rejects and their codes are told too. A program sends its secret key in `Authorization`; a page comes with the " +
      "session cookie. Send `ping` to be answered `pong`. The socket ends with 1008 when the key is revoked or the session is over. " +
      "A watcher that does not keep up is told how many messages were left out; one that answers `confirm` messages with their own " +
      "text is sent more at once.",
    answers: [
      {
        status: 101,
        description: "The socket is open; each message is JSON.",
        content: { "application/json": { schema: ref("LiveMessage") } },
      },
    ],
    errors: [...READ_ERRORS.filter((code) => code !== "invalid_parameter"), "upgrade_required", "overloaded"],
    curl: 'wscat -c "ws://localhost:8787/v1/live" -H "Authorization: Bearer $SECRET_KEY"',
  }),
  reading({
    path: "/v1/failed-events",
    operationId: "listFailedEvents",
    summary: "Accepted events that could not be stored",
    parameters: [
      queryParameter("code", "Only these.", { enum: Object.keys(FAILURES) }),
      queryParameter("kind", "Only these: of what sort the failure is.", text),
      limit(1_000, 100),
      ...RANGE,
    ],
    answers: [dataAnswer("Newest first, redacted.", { type: "array", items: ref("FailedEvent") })],
    curl: get("/v1/failed-events?limit=20"),
  }),
  reading({
    method: "POST",
    path: "/v1/failed-events/replay",
    operationId: "replayFailedEvents",
    summary: "Send failed events through again, after a fix",
    description: "Idempotent: what was stored meanwhile is not stored again.",
    body: {
      required: false,
      description: "Nothing: everything of the last 24 hours.",
      schema: {
        type: "object",
        properties: { code: text, kind: text, ids: { type: "array", items: text }, cursor: text, from: TIME, to: TIME },
        additionalProperties: false,
      },
      example: { code: "invalid_event" },
    },
    answers: [dataAnswer("What was sent again.", { type: "object" })],
    errors: ASKED_BY_BODY,
    curl: ask("/v1/failed-events/replay", { code: "invalid_event" }),
  }),
  reading({
    path: "/v1/export",
    operationId: "exportEvents",
    summary: "Events as a file",
    description: "Streamed, oldest first. CSV is guarded against formulas.",
    parameters: [
      queryParameter("format", "Of the file.", { enum: ["ndjson", "parquet", "csv"], default: "ndjson" }),
      ...RANGE,
    ],
    answers: [
      {
        status: 200,
        description: "The file.",
        content: {
          "application/x-ndjson": { schema: {} },
          "text/csv": { schema: {} },
          "application/vnd.apache.parquet": { schema: {} },
        },
      },
    ],
    curl: `${get("/v1/export?format=csv")} -o events.csv`,
  }),
  reading({
    path: "/v1/audit",
    operationId: "listAudit",
    summary: "Who read or changed what",
    scope: "privacy",
    parameters: [limit(1_000, 100), ...RANGE],
    answers: [dataAnswer("The records.", { type: "array", items: { type: "object" } })],
    curl: get("/v1/audit?limit=20"),
  }),
  reading({
    path: "/v1/audit/verify",
    operationId: "verifyAudit",
    summary: "Is the audit log whole?",
    description: "Checks the chain of hashes from the first record to the last.",
    scope: "privacy",
    answers: [dataAnswer("What was found.", { type: "object" })],
    curl: get("/v1/audit/verify"),
  }),
  {
    method: "POST",
    path: "/v1/session",
    operationId: "openSession",
    notBySession: true,
    tag: TAG,
    summary: "Sign in to the dashboard",
    description:
      "A secret key as Bearer in, an HttpOnly, SameSite=Strict cookie out for 12 hours: `__Host-session`, over plain http `session`. It stands for its key, with that key's scopes, on every call from our own pages; any method but GET and HEAD wants our own `Origin`.",
    scope: "read",
    answers: [
      jsonAnswer(200, "The cookie is in `Set-Cookie`.", {
        type: "object",
        properties: {
          success: { const: true },
          data: { type: "object", properties: { project: text, expiresAt: text } },
        },
      }),
    ],
    errors: READ_ERRORS.filter((code) => code !== "invalid_parameter"),
    curl: 'curl -i -X POST "$ORIGIN/v1/session" -H "Authorization: Bearer $SECRET_KEY"',
  },
  {
    method: "DELETE",
    path: "/v1/session",
    operationId: "closeSession",
    tag: TAG,
    summary: "Sign out",
    description:
      "Ends the session everywhere within 5 seconds, its live sockets too. With the cookie our own `Origin` is wanted.",
    scope: null,
    answers: [jsonAnswer(200, "Also without a session.", { type: "object", properties: { success: { const: true } } })],
    errors: ["origin_not_allowed", "origin_required", "method_not_allowed", "unavailable"],
    curl: 'curl -X DELETE "$ORIGIN/v1/session"',
  },
];
