// Tests the data that the collector sends to the processor beside the events: masked places, the project's settings, and the
// browser's hints.

import { describe, expect, it } from "vitest";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { readRecords, streamState, untilArrived } from "../servers/kinesis/stream.ts";

const HINTS = { "Sec-CH-UA": '"Brave";v="130"', "Sec-CH-UA-Mobile": "?0", "Sec-CH-UA-Platform": '"Windows"' };

async function envelopeOf(settings: object, headers: Record<string, string>, properties = {}) {
  const project = newProject("envelope");
  const key = await newKey({ project, settings });
  const event = goodEvent({ properties });
  await send("/v1/track", { body: event, headers: { ...bearer(key), ...headers } });
  await untilArrived(project, [event.messageId]);
  return readRecords((await streamState(project)).arrived).lines[0]?.envelope;
}

describe("the envelope", () => {
  it("does not mention absent settings and hints", async () => {
    const envelope = await envelopeOf({ consentRegime: "opt-out", pii: { phone: "mask" } }, {});
    expect(envelope).not.toHaveProperty("settings");
    expect(envelope?.source).not.toHaveProperty("clientHints");
  });

  it("contains the project's settings for the processor, the browser's hints and the masked findings", async () => {
    const settings = {
      consentRegime: "opt-out",
      pii: { phone: "reject", email: "mask" },
      enrichments: { geography: false, bot: true },
    };
    const envelope = await envelopeOf(settings, HINTS, { note: "ada@example.com" });
    expect(envelope).toMatchObject({
      settings: { pii: { phone: "reject" }, off: ["geography"] },
      source: { clientHints: { brands: '"Brave";v="130"', mobile: "?0", platform: '"Windows"' } },
      verdicts: { 0: { pii: [{ pointer: "/properties/note", class: "email" }] } },
    });
  });

  it("contains no hints of a device without consent", async () => {
    const settings = { consentRegime: "opt-in", whenAnalyticsDenied: "cookieless" };
    const project = newProject("envelope");
    const key = await newKey({ project, settings: settings as never });
    const event = goodEvent();
    await send("/v1/track", { body: event, headers: { ...bearer(key), ...HINTS, "CF-Connecting-IP": "203.0.113.7" } });
    await untilArrived(project, [event.messageId]);
    const [line] = readRecords((await streamState(project)).arrived).lines;
    expect(line?.envelope.consent).toBe("cookieless");
    expect(line?.envelope.source).not.toHaveProperty("clientHints");
  });
});
