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

it("finds no difference between equal plans", () => {
  expect(planDifference(PLAN, structuredClone(PLAN))).toEqual([]);
});

it("names added and removed events, and changed settings", () => {
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
    ["an added property", {}, a({ type: "string" })],
    ["a removed property", a({ type: "string" }), {}],
    ["a property that is no longer required", a({}, { required: ["a"] }), a({})],
    ["a wider type", a({ type: "integer" }), a({ type: "number" })],
    ["null as an additional type", a({ type: "string" }), a({ type: ["string", "null"] })],
    ["an added value", a({ enum: ["x"] }), a({ enum: ["y", "x"] })],
    ["a wider bound", a({ maximum: 5, minLength: 2 }), a({ maximum: 6, minLength: 1 })],
    ["a removed bound", a({ maximum: 5 }), a({})],
    ["a removed pattern", a({ pattern: "x" }), a({})],
    ["an object that is now open", a({}, { additionalProperties: false }), a({})],
    ["a changed description", a({ description: "x" }), a({ description: "y", examples: [1] })],
    ["a wider type inside a list", a({ items: { type: "integer" } }), a({ items: { type: "number" } })],
    [
      "a wider bound in a shared part",
      a({}, { $defs: { p: { maximum: 1 } } }),
      a({}, { $defs: { p: { maximum: 2 } } }),
    ],
  ])("%s breaks no event", (_name, before, after) => {
    expect(breaks(before, after)).toBe(false);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["a property that is now required", a({}), a({}, { required: ["a"] })],
    ["a narrower type", a({ type: "number" }), a({ type: "integer" })],
    ["an added type", a({}), a({ type: "integer" })],
    ["a removed value", a({ enum: ["x", "y"] }), a({ enum: ["x"] })],
    ["an added list of values", a({}), a({ enum: ["x"] })],
    ["a narrower bound", a({ maximum: 5 }), a({ maximum: 4 })],
    ["an added bound", a({}), a({ minimum: 1 })],
    ["a larger minimum length", a({ minLength: 1 }), a({ minLength: 2 })],
    ["another pattern", a({ pattern: "x" }), a({ pattern: "y" })],
    ["an object that is now closed", a({}), a({}, { additionalProperties: false })],
    [
      "a removed property of a closed object",
      a({}, { additionalProperties: false }),
      { additionalProperties: false, properties: {} },
    ],
    ["a removed pattern for names", { patternProperties: { x: {} } }, {}],
    ["a narrower type inside a list", a({ items: { type: "number" } }), a({ items: { type: "integer" } })],
    [
      "a narrower bound in a shared part",
      a({}, { $defs: { p: { maximum: 2 } } }),
      a({}, { $defs: { p: { maximum: 1 } } }),
    ],
    ["other alternatives", a({ anyOf: [{ type: "string" }] }), a({ anyOf: [{ type: "number" }] })],
    ["never", a(true), a(false)],
  ])("%s breaks some events", (_name, before, after) => {
    expect(breaks(before, after)).toBe(true);
  });
});
