// Tests the tracking plan as a stage of the processor: its effect on an accepted event, and the line kept for a quarantined
// event.

import { type RequestEnvelope, TrackingPlan } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { originalLine } from "../../src/process/replay-line.ts";
import { applyPlan } from "../../src/process/tracking-plan.ts";
import { type UnpackedEvent, unpackEnvelope } from "../../src/process/unpack.ts";
import { PlanJudge } from "../../src/tracking-plan/judge.ts";
import { ORDER_COMPLETED } from "../tracking-plan/sample.ts";
import { batchLine, eventLine, track } from "./sample.ts";

const envelopeOf = (line: string) => JSON.parse(line) as RequestEnvelope;

function unpack(envelope: RequestEnvelope): UnpackedEvent[] {
  return [...unpackEnvelope(envelope, true)].flatMap((unpacked) => (unpacked.ok ? [unpacked.event] : []));
}

const order = (total: unknown, context = {}) =>
  track("m", {
    event: "Order Completed",
    properties: { order_id: "AB-1234", total, currency: "EUR", products: [{ sku: "a" }] },
    context,
  });
const judgeOf = (mode: "off" | "warn" | "quarantine") =>
  new PlanJudge(TrackingPlan.parse({ mode, events: [ORDER_COMPLETED] }), 7);

function staged(event: object, judge: PlanJudge | undefined) {
  const [unpacked] = unpack(envelopeOf(batchLine([event])));
  if (unpacked === undefined) throw new Error("the event is no event");
  return applyPlan(unpacked, judge);
}

describe("an event", () => {
  it("that breaks the plan is marked, quarantined or unchanged, by the plan's mode", () => {
    const bad = order("12", { locale: "de" });
    const warned = staged(bad, judgeOf("warn"));
    expect([warned.quarantined, warned.warned, warned.event.context]).toEqual([
      null,
      true,
      { locale: "de", $plan: { version: 7, code: "plan_wrong_type", pointer: "/properties/total" } },
    ]);
    expect(staged(bad, judgeOf("quarantine")).quarantined).toMatchObject({
      planVersion: 7,
      violation: { code: "plan_wrong_type" },
    });
    for (const judge of [judgeOf("off"), undefined]) {
      expect(staged(bad, judge)).toMatchObject({
        quarantined: null,
        warned: false,
        event: { context: { locale: "de" } },
      });
    }
  });

  it("cannot set the mark itself", () => {
    for (const judge of [undefined, judgeOf("warn")]) {
      const { event, warned } = staged(order(5, { $plan: { version: 1 }, locale: "de" }), judge);
      expect([event.context, warned]).toEqual([{ locale: "de" }, false]);
    }
  });

  it("does not mark other events of its batch, with which it shares a context", () => {
    const envelope = envelopeOf(batchLine([order("12"), order(5)], {}, { context: { app: { name: "shop" } } }));
    const [bad, good] = unpack(envelope).map((event) => applyPlan(event, judgeOf("warn")).event.context);
    expect(bad).toHaveProperty("$plan");
    expect(good).toEqual({ app: { name: "shop" } });
  });
});

describe("the original line of a failed event", () => {
  it("is the request with that event only, with the batch's context, its own verdict and its time of receipt", () => {
    const verdicts = { 1: { consent: "restricted" as const }, 2: { consent: "cookieless" as const } };
    const batch = [track("a"), track("b"), track("c")];
    const line = batchLine(
      batch,
      { verdicts, receivedAtMs: 1_764_032_400_123, retry: true },
      { context: { locale: "de" } },
    );
    const envelope = envelopeOf(line);
    const before = unpack(envelope);
    const kept = envelopeOf(originalLine(envelope, 1) ?? "");
    const after = unpack(kept);
    expect(after).toHaveLength(1);
    const { envelope: _whole, ...sent } = before[1] as UnpackedEvent;
    expect(after[0]).toMatchObject(sent);
    expect(kept).toMatchObject({
      receivedAtMs: 1_764_032_400_123,
      retry: true,
      verdicts: { 0: { consent: "restricted" } },
    });
    expect(originalLine(envelope, 0)).not.toContain("verdicts");
  });

  it("is the whole request if that contains one event", () => {
    const envelope = envelopeOf(eventLine(track("a"), { verdicts: { 0: { consent: "restricted" } } }));
    expect(envelopeOf(originalLine(envelope, 0) ?? "")).toEqual(envelope);
  });

  it("is not kept if it is too large or cannot be serialised", () => {
    const envelope = envelopeOf(batchLine([track("a", { properties: { a: "x".repeat(300_000) } })]));
    expect(originalLine(envelope, 0)).toBeUndefined();
    const deep = envelopeOf(
      batchLine([track("a", { properties: "DEEP" })]).replace('"DEEP"', `${"[".repeat(50_000)}${"]".repeat(50_000)}`),
    );
    expect(originalLine(deep, 0)).toBeUndefined();
  });
});
