// Tests the second defence: values that can be stored, values above a limit, and that no legitimate value is lost.

import { LIMITS } from "@behaviour/contract";
import { array, assert, constantFrom, dictionary, jsonValue, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanText } from "../../src/clean-text.ts";
import { nodeBudget, sanitizeObject } from "../../src/process/sanitize.ts";
import { unpackEnvelope } from "../../src/process/unpack.ts";
import { head, track } from "./sample.ts";

function sanitized(json: string): { value: unknown; pointer: string | null } {
  const value = JSON.parse(json) as Record<string, unknown>;
  return { pointer: sanitizeObject(value, 1, nodeBudget(), json.includes("\\")), value };
}

const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`;

describe("limits", () => {
  it.each([
    ["depth 16 is accepted", nested(16), null],
    ["depth 17 is refused", nested(17), "/a".repeat(16)],
    [
      "256 keys are accepted",
      JSON.stringify({ o: Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`k${i}`, 1])) }),
      null,
    ],
    [
      "258 keys are refused",
      JSON.stringify({ o: Object.fromEntries(Array.from({ length: 258 }, (_, i) => [`k${i}`, 1])) }),
      "/o",
    ],
    ["1,998 items are accepted", JSON.stringify({ a: new Array(1_998).fill(0) }), null],
    ["2,100 items are refused", JSON.stringify({ a: new Array(2_100).fill(0) }), "/a"],
    [
      "2,100 items of a nested list are refused",
      JSON.stringify({ a: { "b/c": new Array(2_100).fill("x") } }),
      "/a/b~1c",
    ],
  ])("%s", (_name, json, pointer) => {
    expect(sanitized(json).pointer).toBe(pointer);
  });

  it("long strings are cut, but not within a surrogate pair", () => {
    expect(cleanText("x".repeat(9_000))).toHaveLength(LIMITS.stringLength);
    expect(cleanText(`${"x".repeat(LIMITS.stringLength - 1)}😀`).isWellFormed()).toBe(true);
  });
});

describe("repairs", () => {
  it.each([
    ["NUL", '{"a":"x\\u0000y"}', { a: "xy" }],
    ["tab, LF and CR are kept", '{"a":"x\\t\\n\\ry"}', { a: "x\t\n\ry" }],
    ["a lone surrogate", '{"a":["\\ud800"]}', { a: ["\uFFFD"] }],
    ["1e400", '{"a":1e400,"b":[-1e400]}', { a: "Infinity", b: ["-Infinity"] }],
    ["__proto__", '{"__proto__":{"a":1},"constructor":1}', { constructor: 1 }],
    ["an empty key", '{"":1,"b":2}', { b: 2 }],
    ["a key with NUL", '{"a\\u0000":1,"b":2}', { b: 2 }],
    ["a key that is too long", JSON.stringify({ ["k".repeat(129)]: 1, b: 2 }), { b: 2 }],
  ])("%s", (_name, json, expected) => {
    expect(sanitized(json).value).toEqual(expected);
  });
});

describe("arbitrary JSON", () => {
  it("becomes storable or gets a pointer, and is unchanged if it needs no repair", () => {
    assert(
      property(dictionary(string({ unit: "binary" }), jsonValue({ stringUnit: "binary" })), (object) => {
        const json = JSON.stringify(object);
        const { value, pointer } = sanitized(json);
        if (pointer !== null) return;
        const out = JSON.stringify(value);
        expect(out).not.toMatch(/\\u0000|\\ud[89a-f]/);
        const isClean = !/\\|__proto__|"":|"[^"]{129,}":/.test(json);
        expect(isClean ? out : json).toBe(json);
      }),
      { numRuns: 300 },
    );
  });

  it("in place of events gives one result per item, and never throws", () => {
    assert(
      property(array(jsonValue(), { maxLength: 5 }), (batch) => {
        const body = JSON.parse(JSON.stringify({ batch })) as Record<string, unknown>;
        expect([...unpackEnvelope({ ...head(), body }, true)]).toHaveLength(batch.length);
      }),
      { numRuns: 300 },
    );
  });

  it("in any field of an event gives one result, and never throws", () => {
    const fields = ["type", "messageId", "userId", "anonymousId", "groupId", "previousId", "event", "name"] as const;
    const more = ["properties", "traits", "context", "timestamp", "sentAt", "originalTimestamp"] as const;
    assert(
      property(constantFrom(...fields, ...more), jsonValue(), (field, value) => {
        const body = JSON.parse(JSON.stringify(track("m", { [field]: value }))) as Record<string, unknown>;
        expect([...unpackEnvelope({ ...head({ shape: "event" }), body }, true)]).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });
});
