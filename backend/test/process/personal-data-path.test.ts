// Tests personal data in the processor: it is masked before any write, on the enriched stream and in the failed events, and the
// findings of the edge are kept beside it.

import { decodeFrame, TrackingPlan } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import type { KeptFailure } from "../../src/failed/index.ts";
import { type ProcessorParts, processRecords } from "../../src/process/pipeline.ts";
import { PlanJudge } from "../../src/tracking-plan/judge.ts";
import { batchLine, frame, type Sent, track } from "./sample.ts";

const PHONE = "+493023125000";
const CANARY = /23125000/;

const phonePlan = TrackingPlan.parse({
  mode: "quarantine",
  events: [
    {
      event: "Called",
      version: 1,
      schema: { type: "object", properties: { phone: { type: "string", maxLength: 5 }, note: { type: "string" } } },
    },
    {
      event: "Noted",
      version: 1,
      schema: { type: "object", properties: { phone: { type: "string", pattern: "^\\+49" } } },
    },
  ],
});

/** Runs the processor and returns everything it writes, as text. */
async function run(lines: string[], plan?: TrackingPlan) {
  const written: string[] = [];
  const failed: KeptFailure[] = [];
  const surrogate = "a".repeat(32);
  const parts: ProcessorParts = {
    replays: { take: async () => true },
    plans: { judges: async () => new Map(plan === undefined ? [] : [["shop", new PlanJudge(plan, 3)]]) },
    ledger: { file: async () => ({ isCopy: async () => false }), fileCounts: async () => {} },
    vault: {
      resolve: async (events) =>
        events.map(() => ({ subject: surrogate, anonymousSubject: null, groupSubject: null, previousSubject: null })),
    },
    identityEdges: { keep: async () => {} },
    failedEvents: {
      storeAll: async (byOrigin) => {
        for (const events of byOrigin.values()) failed.push(...events);
      },
    },
    enriched: {
      put: async (_shard, frames) => {
        for (const bytes of frames) for (const { text } of decodeFrame(bytes)) written.push(text);
      },
    },
    edgeCounters: { store: async () => {} },
    nowMs: Date.now,
  };
  const record = {
    rawShard: "s",
    sequenceNumber: "1",
    partitionKey: "k",
    arrivedAtMs: Date.now(),
    readAtMs: Date.now(),
    frame: frame(lines),
  };
  const { counts } = await processRecords(parts, [record], () => 60_000);
  return {
    counts,
    failed,
    events: written.map((text) => JSON.parse(text)),
    all: [...written, JSON.stringify(failed)].join("\n"),
  };
}

const called = (properties: Sent) => track("m", { event: "Called", properties });

describe("personal data that the processor finds", () => {
  it("is masked, and recorded after the edge's findings", async () => {
    const verdicts = { 0: { pii: [{ pointer: "/properties/mail", class: "email" }] } };
    const sent = [track("m", { properties: { mail: "[email]", phone: PHONE } }), track("n")];
    const { events, all } = await run([batchLine(sent, { verdicts })]);
    expect(events[0]).toMatchObject({
      properties: { mail: "[email]", phone: "[phone]" },
      pii: [
        { pointer: "/properties/mail", class: "email" },
        { pointer: "/properties/phone", class: "phone" },
      ],
    });
    expect(events[1].pii).toBeNull();
    expect(all).not.toMatch(CANARY);
  });

  it("that the project rejects causes a masked failed event without an original, and other events are processed", async () => {
    const settings = { pii: { phone: "reject" as const } };
    const { counts, failed, all } = await run([batchLine([called({ phone: PHONE }), track("n")], { settings })]);
    expect(counts).toMatchObject({ received: 2, processed: 1, failed: 1 });
    expect(failed).toMatchObject([{ code: "personal_data", pointer: "/properties/phone", messageId: "m" }]);
    expect(failed[0]?.original).toBeUndefined();
    expect(all).not.toMatch(CANARY);
  });

  it("is checked by the plan unmasked, and stored masked as payload, value and original", async () => {
    const verdicts = { 1: { pii: [{ pointer: "/properties/mail", class: "email" }] } };
    const sent = [
      track("n", { event: "Noted", properties: { phone: PHONE } }),
      called({ phone: PHONE, mail: "[email]" }),
    ];
    const context = { traits: { mobile: "030 23125000" } };
    const { events, failed, all } = await run([batchLine(sent, { verdicts }, { context })], phonePlan);
    expect(events.map((event) => event.messageId)).toEqual(["n"]);
    expect(failed).toMatchObject([{ code: "plan_out_of_bounds", pointer: "/properties/phone", actual: "[phone]" }]);
    expect(all).not.toMatch(CANARY);
    // If the event is replayed after the plan was fixed, the result is the same as without the failure.
    const original = failed[0]?.original ?? "";
    const again = await run([original]);
    expect(again.events[0]).toMatchObject({
      messageId: "m",
      properties: { phone: "[phone]", mail: "[email]" },
      context: { traits: { mobile: "[phone]" } },
      pii: [
        { pointer: "/properties/mail", class: "email" },
        { pointer: "/context/traits/mobile", class: "phone" },
        { pointer: "/properties/phone", class: "phone" },
      ],
    });
  });

  it("is masked in a line that cannot be read", async () => {
    const { failed } = await run([`{"v":1,"note":"${PHONE} DE89370400440532013000"}`]);
    expect(failed[0]?.payload).toContain("[phone] [iban]");
  });
});
