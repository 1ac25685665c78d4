// The only table of errors. Clients decide by `code`. The code determines the status, whether a retry of the same request can
// help, and the log level. docs/API_DOCUMENTATION.md#answers.

import { LIMITS } from "./limits.ts";
import { countText, sizeText } from "./quantity.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface ErrorEntry {
  readonly status: number;
  readonly retryable: boolean;
  readonly log: LogLevel;
  readonly message: string;
}

export const ERRORS = {
  invalid_json: { status: 400, retryable: false, log: "debug", message: "The body is not valid JSON." },
  invalid_encoding: {
    status: 400,
    retryable: false,
    log: "debug",
    message: "The body is not exactly one complete gzip member, or it is not valid UTF-8.",
  },
  invalid_payload: {
    status: 400,
    retryable: false,
    log: "debug",
    message: 'The body must be a JSON object; a batch must have an array "batch".',
  },
  empty_body: { status: 400, retryable: false, log: "debug", message: "The request has no body." },
  empty_batch: { status: 400, retryable: false, log: "debug", message: "The batch has no events." },
  all_events_rejected: {
    status: 400,
    retryable: false,
    log: "info",
    message: "Every event in the request was rejected. `rejected` has the reason for each event.",
  },
  conflicting_credentials: {
    status: 400,
    retryable: false,
    log: "info",
    message: "The request has two different API keys. Send only one key.",
  },
  invalid_parameter: { status: 400, retryable: false, log: "debug", message: "A parameter is out of bounds." },
  missing_api_key: {
    status: 401,
    retryable: false,
    log: "debug",
    message: "Send an API key: Authorization: Bearer, Basic (key as user), X-API-Key, or writeKey in the body.",
  },
  invalid_api_key: { status: 401, retryable: false, log: "info", message: "The API key is not valid." },
  insufficient_scope: {
    status: 403,
    retryable: false,
    log: "info",
    message: "The API key lacks the scope for this call.",
  },
  origin_not_allowed: {
    status: 403,
    retryable: false,
    log: "info",
    message: "This key may not be used from this origin.",
  },
  origin_required: {
    status: 403,
    retryable: false,
    log: "info",
    message: "This key is restricted to certain origins, and the request has no Origin or Referer header.",
  },
  ip_not_allowed: {
    status: 403,
    retryable: false,
    log: "info",
    message: "This key may not be used from this IP address.",
  },
  secret_key_in_browser: {
    status: 403,
    retryable: false,
    log: "warn",
    message:
      "A secret key must never be used in a browser. Use a public key (pk_…) in the browser, and rotate this secret key.",
  },
  not_found: { status: 404, retryable: false, log: "debug", message: "This address does not exist." },
  method_not_allowed: {
    status: 405,
    retryable: false,
    log: "debug",
    message: "This method is not allowed at this address. The Allow header lists the allowed methods.",
  },
  conflicting_request: {
    status: 409,
    retryable: false,
    log: "info",
    message: "This id was already used with a different body.",
  },
  payload_too_large: {
    status: 413,
    retryable: false,
    log: "info",
    message: `The body is larger than ${sizeText(LIMITS.bodyBytes)} (${sizeText(LIMITS.bodyCompressedBytes)} compressed). Send smaller batches.`,
  },
  batch_too_large: {
    status: 413,
    retryable: false,
    log: "info",
    message: `The batch has more than ${countText(LIMITS.eventsPerRequest)} events. Send smaller batches.`,
  },
  unsupported_media_type: {
    status: 415,
    retryable: false,
    log: "debug",
    message: "The Content-Type is not supported. Send JSON.",
  },
  unsupported_encoding: {
    status: 415,
    retryable: false,
    log: "debug",
    message: "Content-Encoding must be gzip or identity.",
  },
  upgrade_required: { status: 426, retryable: false, log: "debug", message: "Open this address as a WebSocket." },
  rate_limited: {
    status: 429,
    retryable: true,
    log: "info",
    message: "This key sent too many events. Retry after the time in Retry-After.",
  },
  overloaded: {
    status: 503,
    retryable: true,
    log: "warn",
    message: "The service is overloaded. Retry after the time in Retry-After.",
  },
  storage_full: {
    status: 503,
    retryable: true,
    log: "error",
    message: "The buffer is full because the stream does not accept events. Retry after the time in Retry-After.",
  },
  unavailable: {
    status: 503,
    retryable: true,
    log: "error",
    message: "A dependency is not responding. Retry after the time in Retry-After.",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** Why one event of a request is rejected. The other events of the request are not affected. */
export const REJECTIONS = {
  missing_field: "A field that this type of event needs is missing.",
  invalid_type: "An unknown event type, or a field of the wrong JSON type.",
  invalid_event_name: `The event name is empty or blank, longer than ${LIMITS.eventNameLength} characters, or contains control characters.`,
  missing_identity: "An event needs a userId or an anonymousId.",
  invalid_user_id: `An id is empty or blank, longer than ${LIMITS.idLength} characters, or contains control characters.`,
  invalid_message_id: `The messageId is empty or blank, longer than ${LIMITS.messageIdLength} characters, or contains control characters.`,
  event_too_large: `The event is larger than ${sizeText(LIMITS.eventBytes)}.`,
  too_deep: `The event is nested deeper than ${LIMITS.depth} levels.`,
  too_many_properties: `An object has more than ${LIMITS.keysPerObject} keys, the event has more than ${countText(LIMITS.nodesPerEvent)} values, or the request has more than ${countText(LIMITS.keysPerRequest)} different keys.`,
  personal_data: "The event contains a kind of personal data that this project does not accept.",
} as const;

export type RejectionCode = keyof typeof REJECTIONS;

/** The repairs of an event, and how each is stored. */
export const WARNINGS = {
  control_chars_removed: "Control characters were removed.",
  ill_formed_unicode: "Lone surrogates were replaced by U+FFFD.",
  number_as_text: "A number that a double cannot represent exactly is stored as text.",
  string_truncated: `A string was cut to ${countText(LIMITS.stringLength)} UTF-16 units.`,
  duplicate_key: "A key appeared twice in one object. The last value is kept.",
  invalid_key: `A property was dropped because its key is empty, longer than ${LIMITS.keyLength} UTF-16 units, or contains control characters.`,
  forbidden_key: "The property __proto__ was dropped.",
  timestamp_invalid: "The timestamp could not be read. The time of receipt is used.",
  timestamp_out_of_range: "The timestamp is too far in the past or the future. The time of receipt is used.",
  pii_redacted: "Personal data was masked.",
  suspicious_user_id: "The id looks like a placeholder. The event is stored, but it is not linked to other devices.",
} as const;

export type WarningCode = keyof typeof WARNINGS;

/** The reasons why an event that the edge accepted is stored as a failed event. */
export const FAILURES = {
  unreadable_frame: "A record of the raw stream is not gzip NDJSON of a known version.",
  unreadable_envelope: "A line of the raw stream is not an envelope.",
  invalid_event: "The event no longer satisfies the contract.",
  personal_data: "The event contains a kind of personal data that this project does not accept.",
  unstorable: "The database of a tier rejects the values of this event.",
  plan_unknown_event: "The tracking plan does not name this event.",
  plan_missing_property: "A property that the tracking plan requires is missing.",
  plan_wrong_type: "A property does not have the type that the tracking plan requires.",
  plan_value_not_allowed: "The value of a property is not in the tracking plan's list of allowed values.",
  plan_out_of_bounds: "The value, length or number of items of a property is outside the bounds of the tracking plan.",
  plan_wrong_format: "A property does not have the format that the tracking plan requires.",
  plan_unexpected_property: "The event has a property that the tracking plan does not allow.",
  plan_violation: "The event breaks a rule of the tracking plan.",
} as const;

export type FailureCode = keyof typeof FAILURES;

export const FAILURE_KINDS = ["unreadable", "contract_violation", "plan_violation", "store_refusal"] as const;
/** The part that needs a fix: the sender or the stream, the event, the event or the plan, the store. */
export type FailureKind = (typeof FAILURE_KINDS)[number];

export function failureKind(code: FailureCode): FailureKind {
  switch (code) {
    case "unreadable_frame":
    case "unreadable_envelope":
      return "unreadable";
    case "invalid_event":
    case "personal_data":
      return "contract_violation";
    case "unstorable":
      return "store_refusal";
    default:
      return "plan_violation";
  }
}

export interface ErrorBody {
  success: false;
  code: ErrorCode;
  message: string;
  /** Repeats `message`: some libraries read this field. */
  error: string;
  request_id: string;
  pointer?: string;
}

export function errorBody(code: ErrorCode, requestId: string, pointer?: string, message?: string): ErrorBody {
  const text = message ?? ERRORS[code].message;
  const body: ErrorBody = { success: false, code, message: text, error: text, request_id: requestId };
  return pointer === undefined ? body : { ...body, pointer };
}
