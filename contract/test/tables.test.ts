// Compares the tables that clients, documents and libraries rely on with docs/API_DOCUMENTATION.md, and the generated schemas
// with the code.

import { describe, expect, it } from "vitest";
import { generateSchemas, staleSchemas } from "../generate.ts";
import {
  EnrichedEvent,
  ERRORS,
  errorBody,
  LIMITS,
  position,
  REJECTIONS,
  STORE_COLUMNS,
  TUNINGS,
  WARNINGS,
} from "../src/index.ts";

describe("errors", () => {
  const expected: Record<number, string[]> = {
    400: [
      "invalid_json",
      "invalid_encoding",
      "invalid_payload",
      "empty_body",
      "empty_batch",
      "all_events_rejected",
      "conflicting_credentials",
      "invalid_parameter",
    ],
    401: ["missing_api_key", "invalid_api_key"],
    403: ["insufficient_scope", "origin_not_allowed", "origin_required", "ip_not_allowed", "secret_key_in_browser"],
    404: ["not_found"],
    405: ["method_not_allowed"],
    409: ["conflicting_request"],
    413: ["payload_too_large", "batch_too_large"],
    415: ["unsupported_media_type", "unsupported_encoding"],
    426: ["upgrade_required"],
    429: ["rate_limited"],
    503: ["overloaded", "storage_full", "unavailable"],
  };
  it("have the status that clients rely on, and no other code is told", () => {
    const byStatus: Record<number, string[]> = {};
    for (const [code, { status }] of Object.entries(ERRORS)) (byStatus[status] ??= []).push(code);
    for (const codes of [...Object.values(byStatus), ...Object.values(expected)]) codes.sort();
    expect(byStatus).toEqual(expected);
  });

  it("are retryable exactly when sending again can help", () => {
    for (const { status, retryable } of Object.values(ERRORS)) expect(retryable).toBe(status === 429 || status === 503);
  });

  it("never have a status on which clients loop or drop", () => {
    for (const { status } of Object.values(ERRORS)) expect([410, 451]).not.toContain(status);
  });

  it("repeat their message for libraries that read `error`", () => {
    const body = errorBody("invalid_json", "r-1", "/a");
    expect(body).toEqual({
      success: false,
      code: "invalid_json",
      message: body.error,
      error: body.message,
      request_id: "r-1",
      pointer: "/a",
    });
    expect(errorBody("not_found", "r-1")).not.toHaveProperty("pointer");
  });
});

describe("results of single events", () => {
  it("hold every rejection and warning of docs/API_DOCUMENTATION.md", () => {
    expect(Object.keys(REJECTIONS)).toEqual(
      expect.arrayContaining([
        "missing_field",
        "invalid_type",
        "invalid_event_name",
        "missing_identity",
        "invalid_user_id",
        "invalid_message_id",
        "event_too_large",
        "too_deep",
        "too_many_properties",
      ]),
    );
    expect(Object.keys(WARNINGS).sort()).toEqual(
      [
        "control_chars_removed",
        "ill_formed_unicode",
        "number_as_text",
        "string_truncated",
        "duplicate_key",
        "invalid_key",
        "forbidden_key",
        "timestamp_invalid",
        "timestamp_out_of_range",
        "pii_redacted",
        "suspicious_user_id",
      ].sort(),
    );
  });
});

describe("limits", () => {
  it("are those of docs/API_DOCUMENTATION.md", () => {
    expect(LIMITS).toMatchObject({
      bodyCompressedBytes: 1_048_576,
      bodyBytes: 4_194_304,
      eventsPerRequest: 2_500,
      eventBytes: 32_768,
      depth: 16,
      keysPerObject: 256,
      nodesPerEvent: 2_000,
      keyLength: 128,
      stringLength: 8_192,
      messageIdLength: 100,
      idLength: 256,
      eventNameLength: 200,
      pixelDataBytes: 8_192,
      bodyDrainBytes: 8_388_608,
      clockSkewToleratedMs: 300_000,
      futureToleratedMs: 86_400_000,
      pastToleratedMs: 2_592_000_000,
      rotationOverlapHours: 72,
      sessionMs: 43_200_000,
      queryEventsMax: 500,
      queryBuckets: 10_000,
    });
    expect(TUNINGS.queryEventsDefault).toBe(50);
  });
});

describe("columns of the stores", () => {
  it("are named once, and each is a field of the enriched event", () => {
    expect(new Set(STORE_COLUMNS.map(({ column }) => column)).size).toBe(STORE_COLUMNS.length);
    const fields = Object.keys(EnrichedEvent.shape);
    for (const { field } of STORE_COLUMNS) expect(fields).toContain(field);
  });

  it("hold those that docs/API_DOCUMENTATION.md names", () => {
    expect(STORE_COLUMNS.map(({ column }) => column)).toEqual(
      expect.arrayContaining([
        "project",
        "message_id",
        "time",
        "received_at",
        "type",
        "event",
        "subject",
        "session_id",
        "consent",
        "url",
        "path",
        "referrer",
        "country",
        "device",
        "os",
        "browser",
        "is_bot",
        "utm_source",
        "properties",
        "context",
      ]),
    );
  });
});

describe("positions", () => {
  it("sort as the stream does", () => {
    const places: [string, number][] = [
      ["9", 999_999],
      ["10", 0],
      ["10", 1],
      ["10", 10],
      ["49668899999999999999999999999999999999999999999999999999", 0],
    ];
    const positions = places.map(([sequence, index]) => position(sequence, index));
    expect([...positions].sort()).toEqual(positions);
  });
});

describe("schemas", () => {
  it("are current: `npm run generate` writes them", () => expect(staleSchemas()).toEqual([]));

  it("are the same however often they are made", () => expect(generateSchemas()).toEqual(generateSchemas()));

  it("are JSON Schemas with a name of their own", () => {
    for (const [name, text] of generateSchemas()) {
      expect(JSON.parse(text)).toMatchObject({
        $id: name,
        $schema: "https://json-schema.org/draft/2020-12/schema",
        title: expect.any(String),
      });
    }
  });
});
