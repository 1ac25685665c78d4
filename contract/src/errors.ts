// The one table of errors. `code` is what clients switch on; the status, whether sending the same request again can help,
// and the level it is logged at follow from it. docs/API_DOCUMENTATION.md#answers.

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
    message: "The body is not one whole gzip member, or is not valid UTF-8.",
  },
  invalid_payload: {
    status: 400,
    retryable: false,
    log: "debug",
    message: 'The body must be a JSON object; a batch must have an array "batch".',
  },
  empty_body: { status: 400, retryable: false, log: "debug", message: "The request has no body." },
  empty_batch: { status: 400, retryable: false, log: "debug", message: "The batch holds no events." },
  all_events_rejected: {
    status: 400,
    retryable: false,
    log: "info",
    message: "Every event of the request was rejected; see `rejected` for each one's reason.",
  },
  conflicting_credentials: {
    status: 400,
    retryable: false,
    log: "info",
    message: "The request carries two different API keys; send one.",
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
    message: "This key is restricted to origins, and the request names none.",
  },
  ip_not_allowed: {
    status: 403,
    retryable: false,
    log: "info",
    message: "This key may not be used from this address.",
  },
  secret_key_in_browser: {
    status: 403,
    retryable: false,
    log: "warn",
    message: "A secret key must never be used in a browser; use a public key (pk_…) there, and rotate this one.",
  },
  not_found: { status: 404, retryable: false, log: "debug", message: "There is nothing at this address." },
  method_not_allowed: {
    status: 405,
    retryable: false,
    log: "debug",
    message: "This method is not allowed here; see Allow.",
  },
  conflicting_request: {
    status: 409,
    retryable: false,
    log: "info",
    message: "The same id was used before with a different body.",
  },
  payload_too_large: {
    status: 413,
    retryable: false,
    log: "info",
    message: "The body is larger than 4 MiB (1 MiB compressed); send smaller batches.",
  },
  batch_too_large: {
    status: 413,
    retryable: false,
    log: "info",
    message: "The batch holds more than 2,500 events; send smaller batches.",
  },
  unsupported_media_type: { status: 415, retryable: false, log: "debug", message: "Send JSON." },
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
    message: "Too many events for this key; see Retry-After.",
  },
  overloaded: { status: 503, retryable: true, log: "warn", message: "Too much is under way; see Retry-After." },
  storage_full: {
    status: 503,
    retryable: true,
    log: "error",
    message: "The buffer is full because the stream behind it is not taking events; see Retry-After.",
  },
  unavailable: {
    status: 503,
    retryable: true,
    log: "error",
    message: "A part behind the edge does not answer; see Retry-After.",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** Why one event of a request is refused while its batch-mates are taken. */
export const REJECTIONS = {
  missing_field: "A field that this type of event needs is missing.",
  invalid_type: "An unknown event type, or a field of the wrong JSON type.",
  invalid_event_name: "The event name is empty or blank, longer than 200 characters, or holds control characters.",
  missing_identity: "An event needs a userId or an anonymousId.",
  invalid_user_id: "An id is empty or blank, longer than 256 characters, or holds control characters.",
  invalid_message_id: "The messageId is empty or blank, longer than 100 characters, or holds control characters.",
  event_too_large: "The event is larger than 32 KiB.",
  too_deep: "The event is nested deeper than 16 levels.",
  too_many_properties:
    "An object has more than 256 keys, the event more than 2,000 values, or the request more than 20,000 different keys.",
  personal_data: "The event holds personal data of a class that this project refuses.",
} as const;

export type RejectionCode = keyof typeof REJECTIONS;

/** What was repaired, and how it is stored. */
export const WARNINGS = {
  control_chars_removed: "Control characters were removed.",
  ill_formed_unicode: "Lone surrogates were replaced by U+FFFD.",
  number_as_text: "A number that no double holds exactly is kept as its text.",
  string_truncated: "A string was cut to 8,192 UTF-16 units.",
  duplicate_key: "A key stood twice in one object; the last one is kept.",
  invalid_key: "A property was dropped: its key is empty, longer than 128 units, or holds control characters.",
  forbidden_key: "The property __proto__ was dropped.",
  timestamp_invalid: "The timestamp could not be read; the time of receipt is used.",
  timestamp_out_of_range: "The timestamp is too far off; the time of receipt is used.",
  pii_redacted: "Personal data was masked.",
  suspicious_user_id: "The id looks like a placeholder; the event is stored, and merged with nobody's.",
} as const;

export type WarningCode = keyof typeof WARNINGS;

/** Why an event that was accepted at the edge ends in the failed-events store. */
export const FAILURES = {
  unreadable_frame: "A record of the raw stream is not gzip NDJSON of a known version.",
  unreadable_envelope: "A line of the raw stream is not an envelope.",
  invalid_event: "The event does not satisfy the contract any more.",
  personal_data: "The event holds personal data of a class that this project refuses.",
  unstorable: "A tier's database refuses this event's values.",
  plan_unknown_event: "The tracking plan does not name this event.",
  plan_missing_property: "A property that the tracking plan requires is missing.",
  plan_wrong_type: "A property has another type than the tracking plan says.",
  plan_value_not_allowed: "A property's value is not among those the tracking plan lists.",
  plan_out_of_bounds: "A property's value, length or number of items is outside the tracking plan's bounds.",
  plan_wrong_format: "A property does not have the form the tracking plan says.",
  plan_unexpected_property: "A property stands there that the tracking plan does not allow.",
  plan_violation: "The event breaks a rule of the tracking plan.",
} as const;

export type FailureCode = keyof typeof FAILURES;

export const FAILURE_KINDS = ["unreadable", "contract_violation", "plan_violation", "store_refusal"] as const;
/** What has to be mended: the sender or the stream, the event, the event or the plan, the store. */
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
