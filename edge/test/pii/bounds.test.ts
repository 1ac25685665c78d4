// Tests that reports of personal data and repairs are bounded for any input: per event, per request, and in the envelope.

import { boundedPointer, LIMITS, MORE_FINDINGS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { RequestWarnings } from "../../src/collect/warnings.ts";
import { RequestRedaction } from "../../src/pii/redact.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { readRecords, streamState, untilArrived } from "../servers/kinesis/stream.ts";

/** An object with this many strings below ten nested keys of 120 characters. */
function deep(strings: number, text: string): Record<string, unknown> {
  let value: unknown = Array.from({ length: strings }, () => text);
  for (let depth = 0; depth < 10; depth++) value = { [`${depth}`.repeat(120)]: value };
  return value as Record<string, unknown>;
}

interface Told {
  warnings: { index: number; code: string; pointer: string }[];
  warningsCut?: number;
  rejected: { index: number; code: string }[];
  accepted: number;
}

describe("warnings", () => {
  it("are at most 20 per event and 200 per request, with short pointers and the number of the others", async () => {
    const key = await newKey({ project: newProject("bounds") });
    const batch = Array.from({ length: 20 }, () => goodEvent({ properties: deep(1_500, "a@b.de") }));
    const answer = await send("/v1/batch", { body: { batch }, headers: bearer(key) });
    const { accepted, warnings, warningsCut } = answer.body as unknown as Told;
    expect(accepted).toBe(20);
    expect(warnings).toHaveLength(LIMITS.warningsPerRequest);
    for (let index = 0; index < 10; index++) expect(warnings.filter((one) => one.index === index)).toHaveLength(20);
    expect(Math.max(...warnings.map(({ pointer }) => pointer.length))).toBe(LIMITS.pointerLength);
    // Each event has 20 findings and one entry that says that there were more.
    expect(warningsCut).toBe(20 * 21 - LIMITS.warningsPerRequest);
    expect(JSON.stringify(answer.body).length).toBeLessThan(100_000);
  });

  it("count every repair, and are not cut while they are few", async () => {
    const key = await newKey({ project: newProject("bounds") });
    const body = goodEvent({ properties: { list: Array.from({ length: 25 }, () => "\u0001") } });
    const many = (await send("/v1/track", { body, headers: bearer(key) })).body as unknown as Told;
    expect(many.warnings).toHaveLength(20);
    expect(many.warningsCut).toBe(5);
    const few = await send("/v1/track", { body: goodEvent({ properties: { a: "\u0001" } }), headers: bearer(key) });
    expect(few.body).not.toHaveProperty("warningsCut");
  });

  it("do not exist for a refused event", async () => {
    const settings = { consentRegime: "opt-out", pii: { card: "reject" } } as const;
    const key = await newKey({ project: newProject("bounds"), settings });
    const batch = [
      goodEvent({ properties: { a: "\u0001", list: Array(30).fill("a@b.de"), z: "4111111111111111" } }),
      goodEvent({ properties: { a: "\u0001".repeat(6_000) } }),
      goodEvent({ properties: { a: "\u0001" } }),
    ];
    const { rejected, warnings, warningsCut } = (await send("/v1/batch", { body: { batch }, headers: bearer(key) }))
      .body as unknown as Told;
    expect(rejected.map(({ index, code }) => [index, code])).toEqual([
      [0, "personal_data"],
      [1, "event_too_large"],
    ]);
    expect(warnings).toEqual([{ index: 2, code: "control_chars_removed", pointer: "/properties/a" }]);
    expect(warningsCut).toBeUndefined();
  });

  it("of events that are refused later leave room for the others", () => {
    const warnings = new RequestWarnings();
    for (let index = 0; index < 15; index++) {
      for (let times = 0; times < 20; times++) warnings.add(index, "string_truncated", "/a");
    }
    const rejected = [0, 1, 2, 3, 4].map((index) => ({ index, code: "event_too_large", message: "" }) as const);
    const told = warnings.answer(rejected);
    expect(told.warnings).toHaveLength(200);
    expect(told.warnings[0]?.index).toBe(5);
    expect(told.warningsCut).toBeUndefined();
  });
});

describe("findings", () => {
  it("are at most 20 per event in the envelope, then one for all others, and every value is masked", async () => {
    const project = newProject("bounds");
    const key = await newKey({ project });
    const event = goodEvent({ properties: deep(1_500, "canary@b.de") });
    await send("/v1/track", { body: event, headers: bearer(key) });
    const arrived = await untilArrived(project, [event.messageId]);
    expect(JSON.stringify([...arrived.values()])).not.toContain("canary");
    const [line] = readRecords((await streamState(project)).arrived).lines;
    const findings = line?.envelope.verdicts?.[0]?.pii ?? [];
    expect(findings).toHaveLength(LIMITS.findingsPerEvent + 1);
    expect(findings.at(-1)).toEqual({ pointer: "", class: MORE_FINDINGS });
  });

  it("of all events together take a bounded part of the envelope", () => {
    const redaction = new RequestRedaction({});
    let units = 0;
    for (let index = 0; index < 2_500; index++) {
      const redacted = redaction.redact({ properties: deep(21, "a@b.de") });
      expect(redacted?.findings.at(-1)?.class).toBe(MORE_FINDINGS);
      units += JSON.stringify(redacted?.findings).length;
    }
    expect(units).toBeLessThan(LIMITS.findingPointerUnits + 500_000);
  });

  it("of the batch's context are found once for the whole request", () => {
    const context = { app: { mail: "a@b.de" }, page: { url: "/?token=s3cr3t" }, list: ["x"] };
    const redaction = new RequestRedaction({}, undefined, context);
    const [first, second] = [1, 2].map((n) => redaction.redact({ context: { ...context, own: `a${n}@b.de` } }));
    expect(second?.event["context"]).toEqual({
      app: { mail: "[email]" },
      page: { url: "/?token=[credential]" },
      list: ["x"],
      own: "[email]",
    });
    const [one, two] = [first, second].map((redacted) => redacted?.event["context"] as typeof context);
    expect(one?.app, "the same object, so it was made once").toBe(two?.app);
    expect(second?.findings).toEqual(first?.findings);
    // An event's own value of the same name is not replaced.
    expect(redaction.redact({ context: { ...context, app: { mail: "no" } } })?.event["context"]).toMatchObject({
      app: { mail: "no" },
    });
  });

  it("of a refused class in the batch's context refuse each event", () => {
    const context = { card: "4111111111111111" };
    const redaction = new RequestRedaction({ card: "reject" }, undefined, context);
    for (let n = 0; n < 2; n++) {
      expect(redaction.redact({ context: { ...context } })?.rejected).toEqual({
        pointer: "/context/card",
        class: "card",
      });
    }
  });

  it("have well-formed pointers, cut between no pair", () => {
    const pointer = boundedPointer(["properties", "\u{1f600}".repeat(200)]);
    expect(pointer.length).toBeLessThanOrEqual(LIMITS.pointerLength);
    expect(pointer.isWellFormed()).toBe(true);
  });
});

interface Properties {
  text: string;
  clean: string;
}

describe("close looks", () => {
  it("are bounded by request: what lies beyond is masked whole", () => {
    const redaction = new RequestRedaction({});
    const text = `a@b.de ${"x ".repeat(3_900)}`;
    let closely = 0;
    let whole = 0;
    for (let index = 0; index < 200; index++) {
      const next = redaction.redact({ properties: { text, clean: "as sent" } })?.event["properties"] as Properties;
      expect(next.clean).toBe("as sent");
      if (next.text === "[email]") whole++;
      else closely++;
    }
    expect(closely).toBe(Math.floor(LIMITS.piiUnitsPerRequest / text.length));
    expect(whole).toBe(200 - closely);
  });
});
