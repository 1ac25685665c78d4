// Tests that the default category names of consent managers map to our purposes without any setting.
// docs/API_DOCUMENTATION.md#consent.

import { describe, expect, it } from "vitest";
import { CONSENT_MANAGERS, purposeOf } from "../../src/consent/categories.ts";
import { readPreferences } from "../../src/consent/signals.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";

const NAMES = CONSENT_MANAGERS.flatMap(({ name: manager, categories }) =>
  Object.entries(categories).map(([name, purpose]) => ({ manager, name, purpose })),
);

function preferencesOf(names: readonly string[], allowed: boolean): Record<string, boolean> {
  return Object.fromEntries(names.map((name) => [name, allowed]));
}

async function outcome(project: string, categoryPreferences: unknown, settings: object = {}) {
  const key = await newKey({ project, settings: { consentRegime: "opt-out", ...settings } });
  const event = goodEvent({ context: { consent: { categoryPreferences } } });
  return (await send("/v1/track", { body: event, headers: bearer(key) })).body;
}

describe("default categories", () => {
  it("no name means two things", () => {
    for (const { manager, name, purpose } of NAMES) {
      expect(purposeOf(name, {}) ?? null, `${manager}: ${name}`).toBe(purpose);
      expect(purposeOf(name.toUpperCase(), {}) ?? null, `${manager}: ${name}`).toBe(purpose);
    }
  });

  it("each manager's refusal of everything refuses what it speaks of, and nothing else", () => {
    for (const { name, categories } of CONSENT_MANAGERS) {
      const purposes = new Set(Object.values(categories));
      const refused = readPreferences(preferencesOf(Object.keys(categories), false), {});
      expect(refused.analytics, name).toBe(purposes.has("analytics") ? "denied" : "unknown");
      expect(refused.advertising, name).toBe(purposes.has("advertising") ? "denied" : "unknown");
      const necessary = Object.keys(categories).filter((category) => categories[category] === null);
      expect(readPreferences(preferencesOf(necessary, false), {}), name).toEqual({
        analytics: "unknown",
        advertising: "unknown",
      });
    }
  });

  it("OneTrust's wrapper, by itself, stops what it refuses", async () => {
    expect(await outcome(newProject("onetrust"), { C0002: false, C0004: false })).toMatchObject({ suppressed: 1 });
    expect(await outcome(newProject("onetrust"), { C0001: true, C0003: false })).toMatchObject({ accepted: 1 });
    const optIn = { consentRegime: "opt-in" };
    expect(await outcome(newProject("onetrust"), { C0002: true, C0004: false }, optIn)).toMatchObject({ accepted: 1 });
    expect(await outcome(newProject("onetrust"), { C0001: true, C0003: true }, optIn)).toMatchObject({ suppressed: 1 });
  });

  it("a project's own name has precedence", async () => {
    const settings = { consentCategories: { c0002: "advertising" } };
    expect(await outcome(newProject("own"), { C0002: false }, settings)).toMatchObject({ accepted: 1 });
  });

  it("preferences over 4 KiB say nothing, whatever they are made of", async () => {
    const padded = (bytes: number, fill: string) => ({ analytics: false, [fill.repeat(bytes / fill.length)]: true });
    expect(readPreferences(padded(4_000, "x"), {}).analytics).toBe("denied");
    expect(readPreferences(padded(5_120, "x"), {})).toEqual({ analytics: "unknown", advertising: "unknown" });
    // The limit is in bytes, as for every other signal: 1,400 characters of three bytes each.
    expect(readPreferences({ analytics: false, ["€".repeat(1_400)]: true }, {}).analytics).toBe("unknown");
    expect(readPreferences({ analytics: false, ["€".repeat(1_300)]: true }, {}).analytics).toBe("denied");
    const nested = { analytics: false, deep: { text: "x".repeat(5_000) } };
    expect(await outcome(newProject("long"), nested)).toMatchObject({ accepted: 1 });
  });
});
