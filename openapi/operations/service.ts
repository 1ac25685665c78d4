// Describes the calls about the service itself. docs/API_DOCUMENTATION.md#service.

import { jsonAnswer, type Operation, type Schema } from "../operation.ts";

const TAG = "Service";
const text: Schema = { type: "string" };

function get(path: string, operationId: string, summary: string, rest: Partial<Operation>): Operation {
  return {
    method: "GET",
    path,
    operationId,
    tag: TAG,
    summary,
    scope: null,
    answers: [jsonAnswer(200, "Always.", { type: "object" })],
    errors: ["method_not_allowed"],
    curl: `curl "$ORIGIN${path}"`,
    ...rest,
  };
}

const page = [{ status: 200, description: "The page.", content: { "text/html": { schema: {} } } }];

export const SERVICE: readonly Operation[] = [
  get("/healthz", "health", "Does the process answer?", {
    answers: [jsonAnswer(200, "It does.", { type: "object", properties: { success: { const: true }, status: text } })],
  }),
  get("/readyz", "readiness", "Can it deliver?", {
    description: "503 names in `notReady` what can not.",
    answers: [
      jsonAnswer(200, "It can.", {
        type: "object",
        properties: { success: { const: true }, status: text, notReady: { type: "array", items: text } },
      }),
    ],
    errors: ["method_not_allowed", "unavailable"],
  }),
  get("/openapi.json", "openapi", "This document", {}),
  get("/.well-known/gpc.json", "gpcSupport", "Global Privacy Control is honoured", {
    answers: [jsonAnswer(200, "As the standard says.", { type: "object", properties: { gpc: { const: true } } })],
  }),
  get("/demo/config.json", "demoConfig", "The public key that the demo page sends with", {
    answers: [jsonAnswer(200, "The key.", { type: "object", properties: { writeKey: text } })],
    errors: ["not_found", "method_not_allowed"],
  }),
  get("/", "dashboard", "The dashboard", { answers: page, errors: ["not_found"] }),
  get("/demo", "demo", "A shop that uses the browser library", { answers: page, errors: ["not_found"] }),
  get("/docs", "docs", "This reference, to read", { answers: page, errors: ["not_found"] }),
  get("/sdk/analytics.js", "sdk", "The browser library", {
    answers: [{ status: 200, description: "The script.", content: { "text/javascript": { schema: {} } } }],
    errors: ["not_found"],
  }),
];
