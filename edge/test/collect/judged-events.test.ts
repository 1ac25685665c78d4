// Compares the collector's hand-written checks of the hot path with the schema that documents and libraries use. The collector
// accepts every event that the schema accepts within the limits. The schema does not accept an event that the collector rejects
// because of its fields.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Batch, EVENT_TYPES, Event, LIMITS } from "../../../contract/src/index.ts";
import { sentBody } from "../../src/body/read.ts";
import { judge } from "../../src/collect/judge.ts";
import { parseBody } from "../../src/collect/parse.ts";

const OPTIONS = { defaultType: null, receivedAtMs: Date.UTC(2026, 10, 25), isRetry: false, anyPast: false };

function judged(events: readonly unknown[]) {
  const body = sentBody(Buffer.from(JSON.stringify({ batch: events })));
  const parsed = parseBody(body, { kind: "batch", import: false });
  if (!("items" in parsed)) throw new Error(`refused as a whole: ${parsed.code}`);
  return judge(parsed, OPTIONS);
}

// Control characters and blanks are valid text for a schema. The collector rejects them in ids and names, so they are left out.
const BLANK = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]*$/u;
const text = fc.string({ unit: "grapheme" });
const named = (maxLength: number) =>
  fc.string({ unit: "grapheme", minLength: 1, maxLength }).filter((s) => s.length <= maxLength && !BLANK.test(s));
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const id = maybe(fc.oneof(named(LIMITS.idLength), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })));
const sure = fc.oneof(named(LIMITS.idLength), fc.integer());
const time = maybe(
  fc.oneof(
    text,
    fc.integer(),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  ),
);
const object = maybe(
  fc.dictionary(named(LIMITS.keyLength), fc.jsonValue({ maxDepth: 4, stringUnit: "grapheme" }), { maxKeys: 20 }),
);

const fields = {
  messageId: maybe(named(LIMITS.messageIdLength)),
  userId: id,
  anonymousId: sure,
  groupId: id,
  previousId: id,
  event: maybe(named(LIMITS.eventNameLength)),
  name: maybe(named(LIMITS.eventNameLength)),
  properties: object,
  traits: object,
  context: object,
  integrations: object,
  timestamp: time,
  originalTimestamp: time,
  sentAt: time,
  channel: text,
};

/** An event with the required fields of its type. */
const goodEvent = fc
  .constantFrom(...EVENT_TYPES)
  .chain((type) =>
    fc.record(
      { ...fields, type: fc.constant(type), event: named(LIMITS.eventNameLength), groupId: sure, previousId: sure },
      { requiredKeys: ["type", "anonymousId", "event", "groupId", "previousId"] },
    ),
  );

describe("events that the schema accepts within the limits", () => {
  it("are accepted by the collector, alone and in batches", () => {
    fc.assert(
      fc.property(fc.array(goodEvent, { minLength: 1, maxLength: 5 }), (events) => {
        const sent = JSON.parse(JSON.stringify(events)) as unknown[];
        for (const event of sent) expect(Event.safeParse(event).success).toBe(true);
        expect(Batch.safeParse({ batch: sent }).success).toBe(true);
        const { rejected, events: taken } = judged(sent);
        expect(rejected).toEqual([]);
        expect(taken).toHaveLength(events.length);
      }),
      { numRuns: 300 },
    );
  });
});

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom("", "x".repeat(257), "x".repeat(201), "x".repeat(101), "track", null, 0, false, [], {}),
);

describe("events that the collector rejects for a field's type or length", () => {
  const OF_FIELDS = new Set(["invalid_type", "invalid_user_id", "invalid_message_id", "invalid_event_name"]);

  it("are not accepted by the schema either", () => {
    const names = Object.keys(fields) as (keyof typeof fields)[];
    fc.assert(
      fc.property(goodEvent, fc.constantFrom("type", ...names), anything, (event, field, value) => {
        const sent = JSON.parse(JSON.stringify({ ...event, [field]: value })) as Record<string, unknown>;
        const [rejection] = judged([sent]).rejected;
        if (rejection === undefined || !OF_FIELDS.has(rejection.code)) return;
        // Only the collector limits the length of page names, and control characters are valid text for the schema.
        if (typeof value === "string" && value !== "" && BLANK.test(value)) return;
        if (rejection.pointer === "/name" || /\\u00|\\[bf]/.test(JSON.stringify(value))) return;
        expect(Event.safeParse(sent).success, JSON.stringify(rejection)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("arbitrary JSON", () => {
  it("gets one result per item, and causes no exception", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ stringUnit: "binary" }), { minLength: 1, maxLength: 20 }), (items) => {
        const { events, rejected } = judged(items);
        expect(events.length + rejected.length).toBe(items.length);
        const indices = [...events, ...rejected].map(({ index }) => index).sort((a, b) => a - b);
        expect(indices).toEqual(items.map((_, index) => index));
      }),
    );
  });

  it("is well-formed and without control characters if it is accepted", () => {
    fc.assert(
      fc.property(
        goodEvent,
        fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ stringUnit: "binary" })),
        (event, properties) => {
          const [taken] = judged([{ ...event, properties }]).events;
          if (taken === undefined) return;
          const written = JSON.stringify(taken.event);
          expect(written.isWellFormed()).toBe(true);
          expect(written).not.toMatch(/\\u00(?:0[0-8bcef]|1[0-9a-f])|\\u[dD][89a-fA-F]|\\[bf]/);
        },
      ),
    );
  });
});
