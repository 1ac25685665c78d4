// Tests which schemas a plan may contain, and that an allowed schema costs no more for an attacker's text than for ours.

import { describe, expect, it } from "vitest";
import { compileSchema } from "../../src/tracking-plan/compile.ts";
import { checkPlan } from "../../src/tracking-plan/document.ts";
import { findSchemaProblem } from "../../src/tracking-plan/schema-rules.ts";
import { PLAN } from "./sample.ts";

const object = (properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  type: "object",
  properties,
  ...more,
});
const nested = (levels: number): Record<string, unknown> =>
  levels === 0 ? { type: "string" } : object({ a: nested(levels - 1) });
/** Each definition refers twice to the next: n lines stand for 2^n schemas. */
const bomb = (length: number) => {
  const $defs = Object.fromEntries(
    Array.from({ length }, (_, index) => [
      `d${index}`,
      index === length - 1
        ? { type: "string" }
        : { allOf: [{ $ref: `#/$defs/d${index + 1}` }, { $ref: `#/$defs/d${index + 1}` }] },
    ]),
  );
  return object({ a: { $ref: "#/$defs/d0" } }, { $defs });
};

describe("a schema", () => {
  it("of the sample plan is accepted", () => {
    for (const { schema } of PLAN.events) expect(findSchemaProblem(schema)).toBeNull();
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["does not describe an object", { type: "string" }, "/type"],
    ["has an unknown keyword", object({ a: { typo: 1 } }), "/properties/a/typo"],
    ["refers to another host", object({ a: { $ref: "https://evil.example/s.json" } }), "/properties/a/$ref"],
    ["refers to the file system", object({ a: { $ref: "file:///etc/passwd" } }), "/properties/a/$ref"],
    ["refers into itself by path", object({ a: { $ref: "#/properties/b" }, b: {} }), "/properties/a/$ref"],
    ["refers to a missing definition", object({ a: { $ref: "#/$defs/none" } }), "/properties/a/$ref"],
    ["refers to an object method", object({ a: { $ref: "#/$defs/constructor" } }), "/properties/a/$ref"],
    [
      "refers to itself",
      object({ a: { $ref: "#/$defs/x" } }, { $defs: { x: { allOf: [{ $ref: "#/$defs/x" }] } } }),
      "/$defs/x",
    ],
    ["expands to a million schemas", bomb(20), ""],
    ["has its own id", object({}, { $id: "https://x.example" }), "/$id"],
    ["has a dynamic reference", object({ a: { $dynamicRef: "#x" } }), "/properties/a/$dynamicRef"],
    ["is nested too deep", nested(40), expect.stringContaining("/properties/a")],
    ["has a pattern that looks ahead", object({ a: { pattern: "(?=a)b" } }), "/properties/a/pattern"],
    ["has a pattern that refers back", object({ a: { pattern: "(a)\\1" } }), "/properties/a/pattern"],
    ["has an invalid pattern", object({ a: { pattern: "(" } }), "/properties/a/pattern"],
    ["has a pattern of a thousand characters", object({ a: { pattern: "a".repeat(1_000) } }), "/properties/a/pattern"],
    ["has an invalid pattern for names", object({}, { patternProperties: { "(": {} } }), "/patternProperties/("],
    [
      "compares all items with each other",
      object({ a: { type: "array", uniqueItems: true } }),
      "/properties/a/uniqueItems",
    ],
    ["has an unknown format", object({ a: { format: "regex" } }), "/properties/a/format"],
    ["has an unknown type", object({ a: { type: "float" } }), "/properties/a/type"],
    [
      "names the prototype",
      JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}') as never,
      "/properties/__proto__",
    ],
    ["has a number as schema", object({ a: 1 }), "/properties/a"],
    ["has an object in place of a list", object({ a: { anyOf: {} } }), "/properties/a/anyOf"],
    ["is too large", object({ a: { description: "x".repeat(70_000) } }), ""],
  ])("that %s is refused", (_name, schema, pointer) => {
    expect(findSchemaProblem(schema)).toMatchObject({ pointer });
  });

  it("that repeats a shared part is accepted", () => {
    expect(findSchemaProblem(bomb(6))).toBeNull();
  });

  it("cannot inject code into its compiled form", () => {
    const evil = '"];process.exitCode=77;//';
    const schema = object(
      { [evil]: { type: "string", enum: [evil], pattern: "a\\/;//" } },
      { required: [evil], $comment: evil },
    );
    expect(findSchemaProblem(schema)).toBeNull();
    expect(compileSchema(schema)({ [evil]: 1 })?.[0]?.keyword).toBeDefined();
    expect(process.exitCode).not.toBe(77);
  });

  it.each(["^(a|a)*$", "^(a+)+$", "^(a|ab|aab)*c$", "(x+x+)+y", "^([a-zA-Z0-9])(([.-]|_+)?([a-zA-Z0-9]+))*$"])(
    "with the pattern %s checks text that is crafted for backtracking in little time",
    (pattern) => {
      const validate = compileSchema(object({ a: { type: "string", pattern } }));
      const startedMs = performance.now();
      for (const text of ["a".repeat(8_000), `${"a".repeat(8_000)}!`, "x".repeat(8_000)]) validate({ a: text });
      // With backtracking this would never end. Without it, a loaded machine needs a second.
      expect(performance.now() - startedMs).toBeLessThan(5_000);
    },
  );

  it.each<[string, unknown, unknown]>([
    ["email", "ada@mail.example", "ada@@"],
    ["email", "[email]", "[mail]"],
    ["uuid", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "6f9619ff"],
    ["date", "2026-02-28", "2026-02-31"],
    ["date-time", "2026-11-25T10:00:00Z", "2026-11-25"],
    ["uri", "https://shop.example/a?b", "shop"],
    ["ipv4", "192.0.2.1", "192.0.2.256"],
    ["ipv6", "2001:db8::1", "2001:db8"],
    ["hostname", "a-b.example", "-a.example"],
  ])("with the format %s accepts %s, but not %s", (format, good, bad) => {
    const validate = compileSchema(object({ a: { type: "string", format } }));
    expect(validate({ a: good })).toBeNull();
    expect(validate({ a: bad })).not.toBeNull();
  });
});

describe("a plan", () => {
  const event = (name: string) => ({ event: name, schema: object({}) });

  it("is accepted with defaults for missing fields", () => {
    const checked = checkPlan({ mode: "warn", events: [event("A")] });
    expect(checked).toEqual({
      ok: true,
      plan: {
        mode: "warn",
        unknownEvents: "allow",
        events: [{ type: "track", event: "A", version: 1, schema: object({}) }],
      },
    });
  });

  it.each<[string, unknown, string]>([
    ["a list in place of an object", [], ""],
    ["an unknown mode", { mode: "strict", events: [] }, "/mode"],
    ["an unknown field", { mode: "off", events: [], extra: 1 }, ""],
    [
      "unknown events stricter than the mode",
      { mode: "warn", unknownEvents: "quarantine", events: [] },
      "/unknownEvents",
    ],
    ["an event that is listed twice", { mode: "warn", events: [event("A"), event("A")] }, "/events/1"],
    ["a track event without a name", { mode: "warn", events: [{ schema: object({}) }] }, "/events/0/event"],
    [
      "a name for a type without names",
      { mode: "warn", events: [{ type: "identify", event: "x", schema: object({}) }] },
      "/events/0/event",
    ],
    [
      "a bad schema",
      { mode: "warn", events: [event("A"), { event: "B", schema: object({ a: { typo: 1 } }) }] },
      "/events/1/schema/properties/a/typo",
    ],
    ["too many events", { mode: "warn", events: Array.from({ length: 1_001 }, (_, n) => event(`e${n}`)) }, "/events"],
  ])("with %s is refused with a pointer", (_name, input, pointer) => {
    expect(checkPlan(input)).toMatchObject({ ok: false, problems: [{ pointer }] });
  });
});
