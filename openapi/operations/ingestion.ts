// Describes the calls that accept events. docs/API_DOCUMENTATION.md#sending-events.

import { type ErrorCode, EVENT_TYPES, type EventType, LIMITS } from "@behaviour/contract";
import { jsonAnswer, type Operation, pathParameter, queryParameter, ref, shellJson } from "../operation.ts";

const TAG = "Sending events";

const INGEST_ERRORS: readonly ErrorCode[] = [
  "invalid_json",
  "invalid_encoding",
  "invalid_payload",
  "empty_body",
  "all_events_rejected",
  "conflicting_credentials",
  "missing_api_key",
  "invalid_api_key",
  "insufficient_scope",
  "origin_not_allowed",
  "origin_required",
  "ip_not_allowed",
  "secret_key_in_browser",
  "method_not_allowed",
  "payload_too_large",
  "unsupported_media_type",
  "unsupported_encoding",
  "rate_limited",
  "overloaded",
  "storage_full",
  "unavailable",
];
const BATCH_ERRORS: readonly ErrorCode[] = [...INGEST_ERRORS, "empty_batch", "batch_too_large"];

const DURABLE =
  "A 200 is sent only after every event of the request is on durable storage. Any other answer, or none, means that sending the " +
  "same again is safe: a copy counts once.";

const RESULT_EXAMPLE = { success: true, accepted: 1, duplicates: 0, suppressed: 0, rejected: [], warnings: [] };
const TAKEN = jsonAnswer(200, "At least one event was taken; see the counters.", ref("IngestResult"), RESULT_EXAMPLE);

const WHO = { anonymousId: "device-1", userId: "customer-7" };
const EXAMPLES: Record<EventType, Record<string, unknown>> = {
  track: { event: "Order Completed", ...WHO, properties: { total: 59.5, currency: "EUR" } },
  page: { name: "Shop", ...WHO, properties: { url: "https://shop.example/sale?utm_source=news", path: "/sale" } },
  screen: { name: "Basket", ...WHO, properties: { items: 2 } },
  identify: { ...WHO, traits: { plan: "pro" } },
  group: { ...WHO, groupId: "company-1", traits: { name: "Nook" } },
  alias: { userId: "customer-7", previousId: "device-1" },
};
const SUMMARIES: Record<EventType, string> = {
  track: "What somebody did",
  page: "A page was viewed",
  screen: "A screen of an app was viewed",
  identify: "Who somebody is",
  group: "What somebody belongs to",
  alias: "Two ids are one person",
};

function post(path: string, body: unknown): string {
  return `curl "$ORIGIN${path}" -u "$PUBLIC_KEY:" \\\n  -d ${shellJson(body)}`;
}

function single(type: EventType): Operation {
  return {
    method: "POST",
    path: `/v1/${type}`,
    aliases: [`/v1/${type.charAt(0)}`],
    operationId: type,
    tag: TAG,
    summary: SUMMARIES[type],
    description: `One event; its type is its \`type\`, else \`${type}\`. ${DURABLE}`,
    scope: "write",
    alsoBy: ["body"],
    body: { required: true, schema: ref("Event"), example: EXAMPLES[type] },
    answers: [TAKEN],
    errors: INGEST_ERRORS,
    curl: post(`/v1/${type}`, EXAMPLES[type]),
  };
}

const BATCH_EXAMPLE = {
  sentAt: "2026-11-25T09:30:00.000Z",
  batch: [
    { type: "page", name: "Shop", anonymousId: "device-1" },
    { type: "track", event: "Product Viewed", anonymousId: "device-1", properties: { product_id: "mug-1" } },
  ],
};
const BATCH_TAKEN = jsonAnswer(200, "At least one event was taken; see the counters.", ref("IngestResult"), {
  ...RESULT_EXAMPLE,
  accepted: 2,
});

export const INGESTION: readonly Operation[] = [
  {
    method: "POST",
    path: "/v1/batch",
    aliases: ["/v1/b"],
    operationId: "batch",
    tag: TAG,
    summary: "Many events at once",
    description: `Each item names its \`type\`; a bad one is refused by itself, with a code and a pointer. ${DURABLE}`,
    scope: "write",
    alsoBy: ["body"],
    body: { required: true, schema: ref("Batch"), example: BATCH_EXAMPLE },
    answers: [BATCH_TAKEN],
    errors: BATCH_ERRORS,
    curl: post("/v1/batch", BATCH_EXAMPLE),
  },
  ...EVENT_TYPES.map(single),
  {
    method: "POST",
    path: "/v1/import",
    operationId: "import",
    tag: TAG,
    summary: "Events of the past",
    description: "A batch; with a secret key any past `timestamp` is taken as it is.",
    scope: "write",
    alsoBy: ["body"],
    body: { required: true, schema: ref("Batch"), example: BATCH_EXAMPLE },
    answers: [BATCH_TAKEN],
    errors: BATCH_ERRORS,
    curl: post("/v1/import", BATCH_EXAMPLE).replace("$PUBLIC_KEY", "$SECRET_KEY"),
  },
  {
    method: "POST",
    path: "/v1/beacon",
    operationId: "beacon",
    tag: TAG,
    summary: "What a page sends as it is left",
    description: "For `navigator.sendBeacon`: an event with its `type`, or a batch; the key is `writeKey` in the body.",
    scope: "write",
    alsoBy: ["body"],
    body: { required: true, schema: { anyOf: [ref("Event"), ref("Batch")] } },
    answers: [BATCH_TAKEN],
    errors: BATCH_ERRORS,
    curl: `curl "$ORIGIN/v1/beacon" -H "Content-Type: text/plain" \\\n  -d '{"writeKey":"'"$PUBLIC_KEY"'","type":"track","event":"Page Left","anonymousId":"device-1"}'`,
  },
  {
    method: "GET",
    path: "/v1/pixel.gif",
    operationId: "pixel",
    tag: TAG,
    summary: "One event from where no script runs",
    description: "Whatever becomes of the event, the answer is a transparent picture.",
    scope: null,
    parameters: [
      queryParameter(
        "data",
        `An event with \`type\` and \`writeKey\` (a public key) as base64url JSON, at most ${LIMITS.pixelDataBytes / 1024} KiB.`,
        { type: "string", contentEncoding: "base64url", contentMediaType: "application/json" },
        true,
      ),
    ],
    answers: [{ status: 200, description: "Always.", content: { "image/gif": { schema: {} } } }],
    errors: ["method_not_allowed"],
    curl: `curl -sG "$ORIGIN/v1/pixel.gif" -o /dev/null --data-urlencode \\\n  "data=$(printf '{"writeKey":"%s","type":"track","event":"Mail Opened","anonymousId":"device-1"}' "$PUBLIC_KEY" | basenc --base64url -w0)"`,
  },
  {
    method: "POST",
    path: "/v1/m",
    operationId: "clientMetrics",
    tag: TAG,
    summary: "Metrics that some libraries send of themselves",
    description: "Taken and ignored.",
    scope: null,
    answers: [jsonAnswer(200, "Always.", { type: "object", properties: { success: { const: true } } })],
    errors: ["method_not_allowed"],
    curl: `curl "$ORIGIN/v1/m" -d '{"series":[]}'`,
  },
  {
    method: "GET",
    path: "/v1/projects/{writeKey}/settings",
    operationId: "settings",
    tag: TAG,
    summary: "What browser libraries load before they send",
    description:
      "In the form that `@segment/analytics-next` expects: `AnalyticsBrowser.load({ writeKey, cdnURL: origin })`. Under `pipeline` " +
      "stand this project's consent regime for the caller's country, and the sizes to flush at.",
    scope: null,
    parameters: [pathParameter("writeKey", "A public key.")],
    answers: [jsonAnswer(200, "The settings.", { type: "object", required: ["integrations"] })],
    errors: ["invalid_api_key", "secret_key_in_browser", "method_not_allowed", "unavailable"],
    curl: 'curl "$ORIGIN/v1/projects/$PUBLIC_KEY/settings"',
  },
];
