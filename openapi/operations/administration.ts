// Describes the calls for projects, keys, tracking plans and alerts. docs/API_DOCUMENTATION.md#administration.

import { type ErrorCode, PLAN_MODES, UNKNOWN_EVENTS } from "@behaviour/contract";
import {
  dataAnswer,
  jsonAnswer,
  type Operation,
  pathParameter,
  queryParameter,
  ref,
  type Schema,
  shellJson,
} from "../operation.ts";

const TAG = "Administration";

const ERRORS: readonly ErrorCode[] = [
  "invalid_parameter",
  "missing_api_key",
  "invalid_api_key",
  "insufficient_scope",
  "ip_not_allowed",
  "secret_key_in_browser",
  "method_not_allowed",
  "unavailable",
];
const OF_ONE: readonly ErrorCode[] = [...ERRORS, "not_found"];
const CHANGES: readonly ErrorCode[] = [
  ...OF_ONE,
  "invalid_json",
  "invalid_encoding",
  "invalid_payload",
  "empty_body",
  "conflicting_request",
  "payload_too_large",
];

const object: Schema = { type: "object" };
const PROJECT_ID = queryParameter("projectId", "Only of this project.", { type: "string" });
const ID = pathParameter("id", "Its id.");

function created(description: string): Operation["answers"] {
  return [jsonAnswer(201, description, { type: "object", required: ["data"], properties: { data: object } })];
}

function curl(method: string, path: string, body?: unknown): string {
  const how = method === "GET" || (method === "POST" && body !== undefined) ? "" : `-X ${method} `;
  const said = body === undefined ? "" : ` \\\n  -d ${shellJson(body)}`;
  return `curl ${how}"$ORIGIN${path}" -H "Authorization: Bearer $SECRET_KEY"${said}`;
}

type Administering = Omit<Operation, "tag" | "scope" | "errors" | "curl" | "answers"> & Partial<Operation>;

function administering(operation: Administering): Operation {
  const { method, path, body } = operation;
  return {
    tag: TAG,
    scope: "admin",
    answers: [dataAnswer("As it is now.", object)],
    errors: body === undefined ? (path.includes("{") ? OF_ONE : ERRORS) : CHANGES,
    curl: curl(method, path.replace("{id}", "$ID"), body?.example),
    ...operation,
  };
}

const listed = [dataAnswer("All within reach.", { type: "array", items: object })];
const ALERT = {
  name: "Lag",
  condition: { kind: "lag", tier: "warm", seconds: 60 },
  channels: [{ kind: "webhook", url: "https://hooks.example.com/alerts" }],
};

export const ADMINISTRATION: readonly Operation[] = [
  administering({
    method: "GET",
    path: "/v1/admin/projects",
    operationId: "listProjects",
    summary: "The key's project, and those made with its keys",
    answers: listed,
  }),
  administering({
    method: "POST",
    path: "/v1/admin/projects",
    operationId: "createProject",
    summary: "Make a project",
    body: {
      required: true,
      schema: ref("ProjectInput"),
      example: { name: "Shop", settings: { consentRegime: "opt-in" } },
    },
    answers: created("The project."),
  }),
  administering({
    method: "GET",
    path: "/v1/admin/projects/{id}",
    operationId: "readProject",
    summary: "One project",
    parameters: [ID],
  }),
  administering({
    method: "PATCH",
    path: "/v1/admin/projects/{id}",
    operationId: "changeProject",
    summary: "Change a project",
    description: "Settings given replace those of the same name; null takes one away.",
    parameters: [ID],
    body: {
      required: true,
      schema: ref("ProjectChange"),
      example: { settings: { whenAnalyticsDenied: "cookieless" } },
    },
  }),
  administering({
    method: "GET",
    path: "/v1/admin/keys",
    operationId: "listKeys",
    summary: "Keys, without the keys themselves",
    parameters: [PROJECT_ID],
    answers: listed,
    errors: OF_ONE,
  }),
  administering({
    method: "POST",
    path: "/v1/admin/keys",
    operationId: "createKey",
    summary: "Make a key",
    description: "The key is shown this once. Malformed origins and address ranges are refused.",
    body: {
      required: true,
      schema: ref("KeyInput"),
      example: { projectId: "p_default", kind: "public", origins: ["https://shop.example", "https://*.shop.example"] },
    },
    answers: created("With `key`."),
  }),
  administering({
    method: "GET",
    path: "/v1/admin/keys/{id}",
    operationId: "readKey",
    summary: "One key, without the key itself",
    parameters: [ID],
  }),
  administering({
    method: "DELETE",
    path: "/v1/admin/keys/{id}",
    operationId: "revokeKey",
    summary: "Revoke a key",
    description: "Refused everywhere within five seconds; sockets of the live tail that it opened end.",
    parameters: [ID],
  }),
  administering({
    method: "POST",
    path: "/v1/admin/keys/{id}/rotate",
    operationId: "rotateKey",
    summary: "Replace a key",
    description: "The old one goes on for the overlap.",
    parameters: [ID],
    body: { required: false, schema: ref("RotateInput"), example: { overlapHours: 24 } },
    answers: created("The new key, with `key`."),
  }),
  administering({
    method: "GET",
    path: "/v1/admin/tracking-plan",
    operationId: "readTrackingPlan",
    summary: "What events may be, by name",
    parameters: [queryParameter("version", "The newest unless said.", { type: "integer", minimum: 1 }), PROJECT_ID],
    errors: OF_ONE,
  }),
  ...(["PUT", "POST"] as const).map((method) =>
    administering({
      method,
      path: "/v1/admin/tracking-plan",
      operationId: method === "PUT" ? "replaceTrackingPlan" : "pushTrackingPlan",
      summary: method === "PUT" ? "Replace the tracking plan" : "Push a tracking plan: the same as PUT",
      description: "A JSON Schema per event name, and what becomes of an event that breaks it.",
      body: {
        required: true,
        schema: ref("TrackingPlanInput"),
        example: {
          mode: "warn",
          events: [
            {
              event: "Order Completed",
              schema: { type: "object", properties: { total: { type: "number" } }, required: ["total"] },
            },
          ],
        },
      },
    }),
  ),
  administering({
    method: "PATCH",
    path: "/v1/admin/tracking-plan",
    operationId: "changeTrackingPlan",
    summary: "Change how the plan is enforced",
    body: {
      required: true,
      schema: {
        type: "object",
        properties: {
          mode: { enum: PLAN_MODES },
          unknownEvents: { enum: UNKNOWN_EVENTS },
          baseVersion: { type: "integer" },
          projectId: { type: "string" },
        },
      },
      example: { mode: "quarantine" },
    },
  }),
  administering({
    method: "GET",
    path: "/v1/admin/alerts",
    operationId: "listAlerts",
    summary: "Alert rules",
    parameters: [PROJECT_ID],
    answers: listed,
    errors: OF_ONE,
  }),
  administering({
    method: "POST",
    path: "/v1/admin/alerts",
    operationId: "createAlert",
    summary: "Make an alert rule",
    description: "Webhooks are signed; the secret is shown this once.",
    body: { required: true, schema: ref("AlertInput"), example: ALERT },
    answers: created("The rule."),
  }),
  administering({
    method: "GET",
    path: "/v1/admin/alerts/{id}",
    operationId: "readAlert",
    summary: "One alert rule",
    parameters: [ID],
  }),
  administering({
    method: "PATCH",
    path: "/v1/admin/alerts/{id}",
    operationId: "changeAlert",
    summary: "Change an alert rule",
    parameters: [ID],
    body: { required: true, schema: ref("AlertChange"), example: { enabled: false } },
  }),
  administering({
    method: "DELETE",
    path: "/v1/admin/alerts/{id}",
    operationId: "deleteAlert",
    summary: "Delete an alert rule",
    parameters: [ID],
  }),
  administering({
    method: "POST",
    path: "/v1/admin/alerts/{id}/test",
    operationId: "testAlert",
    summary: "Send a test notification",
    parameters: [ID],
  }),
  administering({
    method: "GET",
    path: "/v1/admin/reconciliation",
    operationId: "readReconciliation",
    summary: "What was received, and what became of it, minute by minute",
    answers: [dataAnswer("Counts by minute and hop.", { type: "array", items: object })],
  }),
  administering({
    method: "GET",
    path: "/v1/admin/redrive",
    operationId: "listUndelivered",
    summary: "Batches that a tier gave up on",
    description: "For the operator's keys alone: such batches hold events of many projects.",
    answers: [dataAnswer("What waits, and what was asked for.", object)],
  }),
  administering({
    method: "POST",
    path: "/v1/admin/redrive",
    operationId: "redrive",
    summary: "Send such batches to their tier again",
    body: {
      required: false,
      schema: { type: "object", properties: { consumer: { type: "string" } }, additionalProperties: false },
      example: {},
    },
    answers: created("What will be done."),
  }),
];
