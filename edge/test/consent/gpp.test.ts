// Compares the hand-written reader of GPP strings with IAB's own library. The answers are equal for every string that the library
// can write. For mangled strings our reader never allows more than the library. The last part has strings that are crafted to be
// expensive, which must not be given to any library.

import type { KeyRecord } from "@behaviour/contract";
import { GppModel } from "@iabgpp/cmpapi";
import { describe, expect, it } from "vitest";
import { consent } from "../../src/collect/consent.ts";
import type { JudgedEvent } from "../../src/collect/judge.ts";
import { type PurposeVerdicts, SILENT, stricter } from "../../src/consent/decide.ts";
import { readGppString } from "../../src/consent/gpp.ts";
import { US_SECTIONS } from "../../src/consent/gpp-sections.ts";
import { MAX_CONSENT_STRING_CHARS, readTcString } from "../../src/consent/tcf.ts";

const OPT_OUTS = ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"];
const DENIED: PurposeVerdicts = { analytics: "unknown", advertising: "denied" };
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Returns the same numbers in each run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

function fieldsOf(name: string): string[] {
  const model = new GppModel();
  model.setFieldValue(name, "SaleOptOut", 0);
  return Object.keys(model.getSection(name) as object);
}

/** The verdicts that the old reader derived from the library's answers. */
function oracle(text: string, applicable: ReadonlySet<number>): PurposeVerdicts {
  const model = new GppModel(text);
  let verdicts = SILENT;
  for (const id of model.getSectionIds()) {
    if (!applicable.has(id)) continue;
    if (id === 2) verdicts = stricter(verdicts, readTcString(model.encodeSection("tcfeuv2"), false));
    const name = id === 6 ? "uspv1" : US_SECTIONS.get(id)?.name;
    if (name === undefined) continue;
    const section = model.getSection(name) as Record<string, unknown>;
    const optedOut =
      OPT_OUTS.some((field) => section[field] === 1) || section.OptOutSale === "Y" || section.Gpc === true;
    if (optedOut) verdicts = stricter(verdicts, DENIED);
  }
  return verdicts;
}

function randomString(random: () => number, withUsp = true): string {
  const model = new GppModel();
  for (const { name } of US_SECTIONS.values()) {
    if (random() < 0.75) continue;
    for (const field of fieldsOf(name)) {
      if (random() < 0.5) continue;
      if (OPT_OUTS.includes(field)) model.setFieldValue(name, field, pick([0, 1, 2, 2, 2, 2], random));
      if (field.endsWith("Notice")) model.setFieldValue(name, field, pick([0, 1, 2], random));
      if (field === "Gpc") model.setFieldValue(name, field, random() < 0.1);
      if (field === "GpcSegmentIncluded") model.setFieldValue(name, field, random() < 0.5);
      if (field === "Version" && name === "usnat") model.setFieldValue(name, field, pick([1, 2], random));
    }
    model.setFieldValue(name, "SaleOptOut", pick([0, 2], random));
  }
  if (withUsp && random() < 0.3) model.setFieldValue("uspv1", "OptOutSale", pick(["Y", "N", "-"], random));
  if (random() < 0.3) {
    const purposes = Array.from({ length: 24 }, () => random() < 0.8);
    model.setFieldValue("tcfeuv2", "PurposeConsents", purposes);
  }
  return model.encode();
}

const STRICTNESS = { granted: 0, unknown: 1, denied: 2 };

describe("GPP strings, beside IAB's library", () => {
  it("each section: every value of every opt-out, and the GPC segment", () => {
    expect([...US_SECTIONS.keys()]).toEqual(Array.from({ length: 21 }, (_, index) => index + 7));
    for (const [id, { name }] of US_SECTIONS) {
      const fields = fieldsOf(name).filter((field) => OPT_OUTS.includes(field) || field === "Gpc");
      for (const field of fields) {
        for (const value of field === "Gpc" ? [false, true] : [0, 1, 2]) {
          const model = new GppModel();
          model.setFieldValue(name, field, value);
          const text = model.encode();
          expect(model.getSectionIds()).toEqual([id]);
          const expected = value === 1 || value === true ? DENIED : SILENT;
          expect(readGppString(text, [id], false), `${name} ${field} ${value}`).toEqual(expected);
          expect(oracle(text, new Set([id]))).toEqual(expected);
        }
      }
    }
  });

  it("many random strings: the same answer", () => {
    const random = randomOf(1);
    let denied = 0;
    for (let round = 0; round < 1_000; round++) {
      const text = randomString(random);
      const ids = new GppModel(text).getSectionIds();
      const applicable = ids.filter(() => random() < 0.8);
      const expected = oracle(text, new Set(applicable));
      expect(readGppString(text, applicable.length === 0 ? [99] : applicable, false), text).toEqual(expected);
      if (expected.advertising === "denied") denied++;
    }
    // Both answers are frequent.
    expect(denied).toBeGreaterThan(200);
    expect(denied).toBeLessThan(950);
  });

  it("mangled strings: never more allowed than by the library, and never a fault", () => {
    const random = randomOf(2);
    for (let round = 0; round < 2_000; round++) {
      // Without the USP section, which the library accepts in any version. We only know the layout of one version.
      const good = randomString(random, false);
      const at = Math.floor(random() * good.length);
      const mangled = pick(
        [
          // The header is not changed, because a changed header can make the library expand a billion ids.
          () => {
            const place = Math.max(at, good.indexOf("~") + 1);
            return good.slice(0, place) + pick([...ALPHABET, "~", ".", "!", "é"], random) + good.slice(place + 1);
          },
          () => good.slice(0, at),
          () => `${good}~${good}`,
          () => good + good.slice(at),
        ],
        random,
      )();
      const read = readGppString(mangled, undefined, false);
      let expected = SILENT;
      try {
        expected = oracle(mangled, new Set(new GppModel(mangled).getSectionIds()));
      } catch {
        continue;
      }
      for (const purpose of ["analytics", "advertising"] as const) {
        expect(STRICTNESS[read[purpose]], mangled).toBeGreaterThanOrEqual(STRICTNESS[expected[purpose]]);
      }
    }
  });

  it("a TC string in GPP's place is the EU section", () => {
    const model = new GppModel();
    model.setFieldValue(
      "tcfeuv2",
      "PurposeConsents",
      Array.from({ length: 24 }, () => true),
    );
    const text = model.encodeSection("tcfeuv2");
    expect(readGppString(text, undefined, false).advertising).toBe("granted");
    expect(readGppString(text, [7], false)).toEqual(SILENT);
  });

  it("sections that are registered later do not hide the ones we know", () => {
    // The header of sections 7 and 40: one range each, and 40 is 33 above 7.
    const bits = ["000011", "000001", "000000000010", "0", "01011", "0", "10101011"].join("");
    const header = toBase64(bits);
    const model = new GppModel();
    model.setFieldValue("usnat", "SaleOptOut", 1);
    expect(readGppString(`${header}~${model.encodeSection("usnat")}~BAAA`, undefined, false)).toEqual(DENIED);
  });
});

function toBase64(bits: string): string {
  const padded = bits.padEnd(Math.ceil(bits.length / 6) * 6, "0");
  return (padded.match(/.{6}/g) ?? []).map((six) => ALPHABET[Number.parseInt(six, 2)]).join("");
}

const LONG = MAX_CONSENT_STRING_CHARS;

describe("GPP strings that are crafted to be costly", () => {
  const hostile: [string, string][] = [
    ["a range up to a billion", "DBABuUUQVQkL~BVQqAAAAAgA"],
    ["4,095 ranges that never close", `DB__${"A".repeat(LONG - 4)}`],
    ["4,095 ranges of ones", `DB__${"_".repeat(LONG - 4)}`],
    ["4,095 ranges and as many sections", `DB__${"b".repeat(2_000)}${"~B".repeat(1_000)}`],
    ["nothing but separators", `DBAA${"~".repeat(LONG - 4)}`],
    ["a section of separators", `DBABMA~${".".repeat(LONG - 7)}`],
    ["a section without an end", `DBABMA~${"B".repeat(LONG - 7)}`],
    ["a TC string without an end", `C${"A".repeat(LONG - 1)}`],
  ];

  it.each(hostile)("%s: read in a moment", (_case, text) => {
    expect(text.length).toBeLessThanOrEqual(LONG);
    const startedMs = performance.now();
    for (let round = 0; round < 1_000; round++) readGppString(text, "7_8", false);
    // A string takes at most 50 µs. The old reader took from 64 ms to 2.5 s for some of these strings.
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  it("random bytes with a good beginning: no fault, whatever the header says", () => {
    const random = randomOf(3);
    const startedMs = performance.now();
    for (let round = 0; round < 20_000; round++) {
      const length = Math.floor(random() * 120);
      const rest = Array.from({ length }, () => pick([...ALPHABET, "~", "."], random)).join("");
      const read = readGppString(`DB${rest}`, undefined, false);
      expect(Object.keys(read)).toEqual(["analytics", "advertising"]);
    }
    expect(performance.now() - startedMs).toBeLessThan(20_000);
  });

  it("a list of sections without an end leaves every section in force", () => {
    const model = new GppModel();
    model.setFieldValue("usnat", "SaleOptOut", 1);
    expect(readGppString(model.encode(), "1_".repeat(3_000), false)).toEqual(DENIED);
    expect(readGppString(model.encode(), [[7], { a: 1 }, null, "x", 7], false)).toEqual(DENIED);
  });
});

describe("a batch's own context", () => {
  it("is read once, however many events it is merged into", () => {
    let reads = 0;
    const own = {
      get gpp() {
        reads++;
        return "DBABMA~BVQqAAAAAgA";
      },
    };
    const events = Array.from({ length: 2_500 }, (_, index) => ({ index, event: { context: { consent: own } } }));
    const key = { settings: { consentRegime: "opt-out" } } as unknown as KeyRecord;
    const consented = consent(events as unknown as JudgedEvent[], new Request("https://edge.test/"), key, Date.now());
    expect(consented.events).toHaveLength(2_500);
    expect(reads).toBeLessThan(5);
  });
});
