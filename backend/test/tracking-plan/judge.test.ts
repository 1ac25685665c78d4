// Tests the violations that a plan finds in events: code, place, rule and type found, and never the person's own text.

import { TrackingPlan } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { type CheckedEvent, PlanJudge } from "../../src/tracking-plan/judge.ts";
import { ORDER_COMPLETED, PLAN } from "./sample.ts";

const judge = new PlanJudge(PLAN, 7);
const ORDER = { order_id: "AB-1234", total: 9.5, currency: "EUR", products: [{ sku: "a" }] };

function event(changes: Partial<CheckedEvent> = {}): CheckedEvent {
  return { type: "track", name: "Order Completed", properties: ORDER, traits: {}, context: {}, ...changes };
}
const order = (changes: Record<string, unknown>) => event({ properties: { ...ORDER, ...changes } });

describe("an event that satisfies the plan", () => {
  it.each<[string, CheckedEvent]>([
    ["unchanged", event()],
    ["with properties that the plan does not name", order({ anything: { at: ["all"] } })],
    ["with null if null is allowed", order({ coupon: null })],
    ["that names the first version of its rule", event({ context: { protocols: { event_version: 1 } } })],
    [
      "that names a later version of its rule",
      event({
        properties: { id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff" },
        context: { protocols: { event_version: "2" } },
      }),
    ],
    ["a page without a rule of its own", event({ type: "page", name: "About", properties: { section: "x" } })],
    ["a page without a name", event({ type: "page", name: null, properties: {} })],
    ["a type that the plan does not mention", event({ type: "alias", name: null, properties: {} })],
  ])("%s", (_name, sent) => {
    expect(judge.judge(sent)).toEqual({ action: "store" });
  });
});

describe("an event that violates the plan", () => {
  it.each<[string, CheckedEvent, object]>([
    [
      "a property is missing",
      order({ total: undefined, currency: undefined }),
      { code: "plan_missing_property", pointer: "/properties/total", actual: "absent" },
    ],
    [
      "a wrong type",
      order({ total: "9.5" }),
      { code: "plan_wrong_type", pointer: "/properties/total", limit: '{"type":"number"}', actual: '"9.5"' },
    ],
    [
      "a number that is too large",
      order({ total: 100_001 }),
      { code: "plan_out_of_bounds", pointer: "/properties/total", limit: '{"maximum":100000}', actual: "100001" },
    ],
    [
      "a string that is too long",
      order({ coupon: "x".repeat(500) }),
      {
        code: "plan_out_of_bounds",
        pointer: "/properties/coupon",
        limit: '{"maxLength":20}',
        actual: expect.stringMatching(/^"x{100,119}…$/),
      },
    ],
    [
      "a value that is not listed",
      order({ currency: "CHF" }),
      { code: "plan_value_not_allowed", limit: '{"enum":["EUR","USD","GBP"]}', actual: '"CHF"' },
    ],
    [
      "a string with a wrong format",
      order({ order_id: "12" }),
      { code: "plan_wrong_format", pointer: "/properties/order_id", actual: '"12"' },
    ],
    [
      "a value that is deeply nested",
      order({ products: [{ sku: "a" }, { sku: "" }] }),
      { code: "plan_out_of_bounds", pointer: "/properties/products/1/sku", limit: '{"minLength":1}' },
    ],
    [
      "none of the alternatives",
      order({ paid_with: 7 }),
      { code: "plan_violation", pointer: "/properties/paid_with", limit: '{"anyOf":"…"}', actual: "7" },
    ],
    [
      "an unexpected property",
      event({
        properties: { id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "a/b": 1 },
        context: { protocols: { event_version: 2 } },
      }),
      { code: "plan_unexpected_property", pointer: "/properties/a~1b", actual: "1" },
    ],
    ["personal data in a value", order({ currency: "ada@mail.example" }), { actual: '"[email]"' }],
    ["an object in place of a string", order({ order_id: { userId: "u1" } }), { actual: "object of 1" }],
    [
      "a trait",
      event({ type: "identify", name: null, properties: {}, traits: { plan: "pro", city: "Amsterdam" } }),
      { code: "plan_out_of_bounds", pointer: "/traits/city", actual: "text of 9 characters" },
    ],
    [
      "a numeric trait",
      event({ type: "identify", name: null, properties: {}, traits: { plan: "pro", seats: 99 } }),
      { actual: "99" },
    ],
  ])("%s", (_name, sent, violation) => {
    expect(judge.judge(sent)).toMatchObject({ action: "quarantine", violation });
  });

  it("by an unknown name is treated as the plan says", () => {
    const unknown = event({ name: "Order Refunded" });
    expect(judge.judge(unknown)).toMatchObject({
      action: "warn",
      violation: { code: "plan_unknown_event", pointer: "/event", actual: '"track \\"Order Refunded\\""' },
    });
    const version = event({ context: { protocols: { event_version: 9 } } });
    expect(judge.judge(version)).toMatchObject({ action: "warn", violation: { code: "plan_unknown_event" } });
    expect(new PlanJudge({ ...PLAN, unknownEvents: "allow" }, 1).judge(unknown)).toEqual({ action: "store" });
  });

  it("is stored when the plan is off, and with a mark when it only warns", () => {
    const bad = order({ total: "9.5" });
    expect(new PlanJudge({ ...PLAN, mode: "off", unknownEvents: "allow" }, 1).judge(bad)).toEqual({ action: "store" });
    expect(new PlanJudge({ ...PLAN, mode: "warn" }, 1).judge(bad)).toMatchObject({ action: "warn" });
  });
});

it("treats names of object methods as ordinary names", () => {
  const schema = { type: "object", required: ["constructor"], properties: { constructor: { type: "string" } } };
  const plan = TrackingPlan.parse({ mode: "quarantine", events: [{ event: "toString", schema }, ORDER_COMPLETED] });
  const strange = new PlanJudge(plan, 1);
  expect(strange.judge(event({ name: "toString", properties: {} }))).toMatchObject({
    violation: { code: "plan_missing_property" },
  });
  expect(strange.judge(event({ name: "toString", properties: { constructor: "x" } }))).toEqual({ action: "store" });
  expect(strange.judge(event({ name: "constructor", properties: {} }))).toEqual({ action: "store" });
});

it("judges many events in little time", () => {
  const startedMs = performance.now();
  for (let round = 0; round < 100_000; round++) judge.judge(order({ total: round }));
  // The whole processor must do 40,000 a second, and this is one stage of it. The limit is generous, for a loaded machine.
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});
