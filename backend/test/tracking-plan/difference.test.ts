// Tests which changes of a plan break events that satisfied it before.

import { type PlanEvent, TrackingPlan } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { planDifference } from "../../src/tracking-plan/difference.ts";
import { PLAN } from "./sample.ts";

function planOf(schema: Record<string, unknown>): TrackingPlan {
  return TrackingPlan.parse({ mode: "warn", events: [{ event: "A", schema: { type: "object", ...schema } }] });
}
const breaks = (before: Record<string, unknown>, after: Record<string, unknown>) =>
  planDifference(planOf(before), planOf(after)).some(({ breaking }) => breaking);
const a = (schema: unknown, more: Record<string, unknown> = {}) => ({ properties: { a: schema }, ...more });

it("finds nothing where there is nothing", () => {
  expect(planDifference(PLAN, structuredClone(PLAN))).toEqual([]);
});

it("names an event that came or went, and settings", () => {
  const [first, ...rest] = PLAN.events;
  const changed: TrackingPlan = {
    mode: "warn",
    unknownEvents: "allow",
    events: [...rest, { ...(first as PlanEvent), event: "New" }],
  };
  expect(planDifference(PLAN, changed)).toEqual([
    { subject: "mode", pointer: "", change: "quarantine → warn", breaking: false },
    { subject: "unknownEvents", pointer: "", change: "warn → allow", breaking: false },
    { subject: 'track "Order Completed"', pointer: "", change: "removed", breaking: true },
    { subject: 'track "New"', pointer: "", change: "added", breaking: false },
  ]);
});

describe("a change", () => {
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["a property more", {}, a({ type: "string" })],
    ["a property less", a({ type: "string" }), {}],
    ["required no longer", a({}, { required: ["a"] }), a({})],
    ["a wider type", a({ type: "integer" }), a({ type: "number" })],
    ["null as well", a({ type: "string" }), a({ type: ["string", "null"] })],
    ["a value more", a({ enum: ["x"] }), a({ enum: ["y", "x"] })],
    ["a wider bound", a({ maximum: 5, minLength: 2 }), a({ maximum: 6, minLength: 1 })],
    ["a bound less", a({ maximum: 5 }), a({})],
    ["a pattern less", a({ pattern: "x" }), a({})],
    ["open now", a({}, { additionalProperties: false }), a({})],
    ["a word of description", a({ description: "x" }), a({ description: "y", examples: [1] })],
    ["wider inside a list", a({ items: { type: "integer" } }), a({ items: { type: "number" } })],
    ["wider in a shared part", a({}, { $defs: { p: { maximum: 1 } } }), a({}, { $defs: { p: { maximum: 2 } } })],
  ])("%s breaks nothing", (_name, before, after) => {
    expect(breaks(before, after)).toBe(false);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["required now", a({}), a({}, { required: ["a"] })],
    ["a narrower type", a({ type: "number" }), a({ type: "integer" })],
    ["a type where there was none", a({}), a({ type: "integer" })],
    ["a value less", a({ enum: ["x", "y"] }), a({ enum: ["x"] })],
    ["a list of values where there was none", a({}), a({ enum: ["x"] })],
    ["a narrower bound", a({ maximum: 5 }), a({ maximum: 4 })],
    ["a bound where there was none", a({}), a({ minimum: 1 })],
    ["a longer least length", a({ minLength: 1 }), a({ minLength: 2 })],
    ["another pattern", a({ pattern: "x" }), a({ pattern: "y" })],
    ["closed now", a({}), a({}, { additionalProperties: false })],
    [
      "a property less of a closed object",
      a({}, { additionalProperties: false }),
      { additionalProperties: false, properties: {} },
    ],
    ["a pattern for names less", { patternProperties: { x: {} } }, {}],
    ["narrower inside a list", a({ items: { type: "number" } }), a({ items: { type: "integer" } })],
    ["narrower in a shared part", a({}, { $defs: { p: { maximum: 2 } } }), a({}, { $defs: { p: { maximum: 1 } } })],
    ["other alternatives", a({ anyOf: [{ type: "string" }] }), a({ anyOf: [{ type: "number" }] })],
    ["never", a(true), a(false)],
  ])("%s breaks something", (_name, before, after) => {
    expect(breaks(before, after)).toBe(true);
  });
});
