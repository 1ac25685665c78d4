// Describes the calls of the consent ledger. docs/API_DOCUMENTATION.md#consent.

import type { ErrorCode } from "@behaviour/contract";
import { dataAnswer, jsonAnswer, type Operation, queryParameter, ref, shellJson } from "../operation.ts";

const TAG = "Consent";
const ERRORS: readonly ErrorCode[] = [
  "invalid_parameter",
  "missing_api_key",
  "invalid_api_key",
  "insufficient_scope",
  "origin_not_allowed",
  "origin_required",
  "ip_not_allowed",
  "secret_key_in_browser",
  "method_not_allowed",
  "unavailable",
];
const EXAMPLE = {
  anonymousId: "device-1",
  purposes: { analytics: "granted", advertising: "denied" },
  method: "banner",
  noticeVersion: "7",
};

export const CONSENT: readonly Operation[] = [
  {
    method: "POST",
    path: "/v1/consent",
    aliases: ["/consent"],
    operationId: "recordConsent",
    tag: TAG,
    summary: "Record what somebody said",
    description:
      "Appended to the ledger of each id named, and enforced for the next event that is received after the answer. A public key " +
      "may deny for any id and grant for an `anonymousId` only. A grant overrides neither GPC nor a refusal that was received after " +
      "the grant's `occurredAt`. The body is at most 16 KiB, plain; each call counts against the key's rate limit.",
    scope: "consent",
    alsoBy: ["body"],
    body: { required: true, schema: ref("ConsentInput"), example: EXAMPLE },
    answers: [jsonAnswer(200, "Recorded.", { type: "object", properties: { success: { const: true } } })],
    errors: [
      ...ERRORS,
      "invalid_json",
      "invalid_payload",
      "invalid_encoding",
      "empty_body",
      "conflicting_credentials",
      "payload_too_large",
      "unsupported_media_type",
      "unsupported_encoding",
      "rate_limited",
      "overloaded",
    ],
    curl: `curl "$ORIGIN/v1/consent" -u "$PUBLIC_KEY:" \\\n  -d ${shellJson(EXAMPLE)}`,
  },
  {
    method: "GET",
    path: "/v1/consent",
    aliases: ["/consent"],
    operationId: "readConsent",
    tag: TAG,
    summary: "What somebody has said",
    description: "An unknown id has empty purposes. With a secret key also by `userId`, and with the history.",
    scope: "consent",
    parameters: [
      queryParameter("anonymousId", "The device.", { type: "string" }),
      queryParameter("userId", "The person; secret keys only.", { type: "string" }),
    ],
    answers: [dataAnswer("The state of the id.", ref("ConsentState"))],
    errors: ERRORS,
    curl: 'curl "$ORIGIN/v1/consent?anonymousId=device-1" -u "$PUBLIC_KEY:"',
  },
];
