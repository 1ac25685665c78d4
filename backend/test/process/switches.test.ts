// Tests that a project can turn off each enrichment alone, without an effect on the others.

import { ENRICHMENTS, type EnrichmentName, isOn, ProjectSettings, processorSettings } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { linksIdentities } from "../../src/process/enrich/identity.ts";
import { enrich } from "../../src/process/enrich.ts";
import { handleRecord } from "../../src/process/pipeline.ts";
import { unpackEnvelope } from "../../src/process/unpack.ts";
import { eventLine, head, type Sent, track } from "./sample.ts";

const BOT =
  "Mozilla/5.0 (Linux; Android 6.0.1) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36 (compatible; Googlebot/2.1)";
const SENT: Sent = track("m", {
  userId: "u",
  properties: { phone: "030 1234567" },
  context: {
    userAgent: BOT,
    sessionId: "s-1",
    page: {
      url: "https://shop.example/a?utm_source=news&gclid=x",
      title: "T",
      referrer: "https://www.google.com/",
    },
  },
});

const RECEIVED_AT_MS = Date.UTC(2026, 10, 25, 10);

function enrichedWithout(...off: EnrichmentName[]) {
  const [unpacked] = unpackEnvelope(
    { ...head({ shape: "event", settings: { off }, receivedAtMs: RECEIVED_AT_MS }), body: SENT },
    false,
  );
  if (unpacked?.ok !== true) throw new Error("refused");
  return { ...enrich(unpacked.event), links: linksIdentities(unpacked.event) };
}

const DEVICE = { device: null, os: null, osVersion: null, browser: null, browserVersion: null };
const all = enrichedWithout();

describe("enrichment", () => {
  it("fills all columns while every enrichment is on", () => {
    expect(all).toMatchObject({
      os: "Android",
      isBot: true,
      country: "DE",
      referrerMedium: "paid",
      utmSource: "news",
      path: "/a",
      sessionId: "s-1",
      links: true,
    });
  });

  it.each<[EnrichmentName, object]>([
    ["userAgent", DEVICE],
    ["bot", { isBot: false }],
    ["geography", { country: null, region: null, city: null }],
    ["referrer", { referrerMedium: null, referrerSource: null }],
    ["campaign", { utmSource: null }],
    ["clickId", { referrerMedium: "search", referrerSource: "Google" }],
    ["page", { url: null, path: null, title: null, referrer: null }],
    ["session", { sessionId: null }],
    ["identity", { links: false }],
  ])("without %s leaves exactly its columns empty", (name, expected) => {
    expect(enrichedWithout(name)).toEqual({ ...all, ...expected });
  });

  it("without personalData keeps the event as the edge sent it", () => {
    const record = (off: string[]) =>
      handleRecord(
        {
          record: {
            rawShard: "s",
            sequenceNumber: "1",
            partitionKey: "k",
            arrivedAtMs: 0,
            readAtMs: 0,
            frame: new Uint8Array(),
          },
          isMarked: false,
          replay: null,
          lines: [
            {
              kind: "envelope",
              envelope: JSON.parse(eventLine(structuredClone(SENT), { settings: { off } })),
              mayHoldEscapes: false,
            },
          ],
          counters: [],
          textChars: 0,
        },
        new Map(),
      ).pending[0]?.enrichment;
    expect(record([])).toMatchObject({
      properties: { phone: "[phone]" },
      pii: [{ pointer: "/properties/phone", class: "phone" }],
    });
    expect(record(["personalData"])).toMatchObject({ properties: { phone: "030 1234567" }, pii: null });
  });
});

describe("the settings of a project", () => {
  it("are validated, and only differences from the defaults are sent", () => {
    for (const name of ENRICHMENTS) {
      const settings = ProjectSettings.parse({ enrichments: { [name]: false } });
      expect(processorSettings(settings)).toEqual({ off: [name] });
      expect(isOn(processorSettings(settings) ?? undefined, name)).toBe(false);
      expect(processorSettings(ProjectSettings.parse({ enrichments: { [name]: true } }))).toBeNull();
    }
    expect(processorSettings({})).toBeNull();
    expect(processorSettings(ProjectSettings.parse({ pii: { email: "reject", iban: "mask" } }))).toBeNull();
    expect(processorSettings(ProjectSettings.parse({ pii: { phone: "allow", national_id: "drop_field" } }))).toEqual({
      pii: { phone: "allow", national_id: "drop_field" },
    });
    for (const wrong of [{ enrichments: { geo: false } }, { enrichments: { bot: "no" } }, { pii: { phone: "hash" } }]) {
      expect(ProjectSettings.safeParse(wrong).success).toBe(false);
    }
  });

  it("may name an unknown enrichment without loss of the event", () => {
    expect(enrichedWithout("sentiment" as EnrichmentName)).toEqual(all);
  });
});
