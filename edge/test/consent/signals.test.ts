import { GppModel } from "@iabgpp/cmpapi";
import { GVL, TCModel, TCString } from "@iabtcf/core";
import { describe, expect, it } from "vitest";
import { readGppString } from "../../src/consent/gpp.ts";
import { callerRegime, regimeOf } from "../../src/consent/regimes.ts";
import { clientSignals, headerSignals, readConsentMode, readPreferences } from "../../src/consent/signals.ts";
import { readTcString } from "../../src/consent/tcf.ts";
import { readUspString } from "../../src/consent/usp.ts";

const SILENT = { analytics: "unknown", advertising: "unknown" };

/** The encoder requires a list of vendors. It only uses the purposes of this list. */
const vendorList = new GVL({
  gvlSpecificationVersion: 3,
  vendorListVersion: 48,
  tcfPolicyVersion: 4,
  lastUpdated: "2026-01-01T00:00:00Z",
  purposes: Object.fromEntries(
    Array.from({ length: 11 }, (_, index) => [
      index + 1,
      { id: index + 1, name: "", description: "", illustrations: [] },
    ]),
  ),
  specialPurposes: {},
  features: {},
  specialFeatures: {},
  vendors: {},
  stacks: {},
} as unknown as ConstructorParameters<typeof GVL>[0]);

function tcString(consents: readonly number[], interests: readonly number[] = []): string {
  const model = new TCModel(vendorList);
  model.cmpId = 10;
  model.cmpVersion = 1;
  model.publisherCountryCode = "DE";
  model.isServiceSpecific = true;
  model.purposeConsents.set([...consents]);
  model.purposeLegitimateInterests.set([...interests]);
  return TCString.encode(model);
}

describe("TC strings", () => {
  it("read the same purposes as IAB's own library, for every mask of what we look at", () => {
    const looked = [1, 3, 4, 7, 8, 9, 10];
    for (let mask = 0; mask < 2 ** looked.length; mask++) {
      const consents = looked.filter((_, index) => mask & (1 << index));
      const text = tcString(consents);
      const oracle = TCString.decode(text);
      const has = (purposes: number[]) => purposes.every((purpose) => oracle.purposeConsents.has(purpose));
      expect(readTcString(text, false)).toEqual({
        analytics: has([1, 8, 9, 10]) ? "granted" : "denied",
        advertising: has([1, 8, 9, 10, 3, 4, 7]) ? "granted" : "denied",
      });
    }
  });

  it("take legitimate interest only where the project declares it, and never for purpose 1", () => {
    const interest = tcString([1], [8, 9, 10]);
    expect(readTcString(interest, false).analytics).toBe("denied");
    expect(readTcString(interest, true)).toEqual({ analytics: "granted", advertising: "denied" });
    expect(readTcString(tcString([], [1, 8, 9, 10]), true).analytics).toBe("denied");
  });

  it.each([
    ["empty", ""],
    ["no text", 42],
    ["null", null],
    ["of version 1", "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA"],
    ["cut short", tcString([1, 8, 9, 10]).slice(0, 20)],
    ["not base64url", `${tcString([1, 8, 9, 10]).slice(0, 30)}!${"A".repeat(20)}`],
    ["over-long", `${tcString([1, 8, 9, 10])}.${"A".repeat(5_000)}`],
  ])("are unknown, never granted, when they are %s", (_case, text) => {
    expect(readTcString(text, false)).toEqual(SILENT);
  });
});

describe("GPP strings", () => {
  function usNational(fields: Record<string, unknown>): string {
    const model = new GppModel();
    for (const [name, value] of Object.entries(fields)) model.setFieldValue("usnat", name, value);
    return model.encode();
  }

  it("deny advertising on an opt-out of sale, sharing or targeted advertising, or GPC", () => {
    for (const field of ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"]) {
      expect(readGppString(usNational({ [field]: 1 }), [7], false)).toEqual({ ...SILENT, advertising: "denied" });
    }
    expect(readGppString(usNational({ Gpc: true, SaleOptOut: 2 }), [7], false)).toMatchObject({
      advertising: "denied",
    });
  });

  it("treat `did not opt out` as no signal", () => {
    expect(readGppString(usNational({ SaleOptOut: 2, SharingOptOut: 2 }), [7], false)).toEqual(SILENT);
  });

  it("are read only in the sections that apply", () => {
    const text = usNational({ SaleOptOut: 1 });
    expect(readGppString(text, [8], false)).toEqual(SILENT);
    expect(readGppString(text, "7_8", false)).toMatchObject({ advertising: "denied" });
    expect(readGppString(text, undefined, false)).toMatchObject({ advertising: "denied" });
  });

  it("have their EU section read as a TC string", () => {
    const model = new GppModel();
    const purposes = Array.from({ length: 24 }, (_, index) => [1, 8, 9, 10].includes(index + 1));
    model.setFieldValue("tcfeuv2", "PurposeConsents", purposes);
    expect(readGppString(model.encode(), [2], false)).toEqual({ analytics: "granted", advertising: "denied" });
  });

  it.each(["", "garbage", "DBABMA~~~", 7, null, "A".repeat(5_000)])("are unknown when unreadable: %j", (text) => {
    expect(readGppString(text, [7], false)).toEqual(SILENT);
  });
});

describe("other signals", () => {
  it.each([
    ["1YYN", "denied"],
    ["1YNN", "unknown"],
    ["1---", "unknown"],
    ["1yyn", "denied"],
    ["2YYN", "unknown"],
    ["YYN", "unknown"],
    ["", "unknown"],
    [17, "unknown"],
  ])("US Privacy %j: advertising %s", (text, advertising) => {
    expect(readUspString(text)).toEqual({ analytics: "unknown", advertising });
  });

  it("Consent Mode: advertising is granted by all three fields, denied by any", () => {
    const all = { ad_storage: "granted", ad_user_data: "granted", ad_personalization: "granted" };
    expect(readConsentMode({ analytics_storage: "granted", ...all })).toEqual({
      analytics: "granted",
      advertising: "granted",
    });
    expect(readConsentMode({ ...all, ad_user_data: "denied" })).toEqual({
      analytics: "unknown",
      advertising: "denied",
    });
    expect(readConsentMode({ ad_storage: "granted" })).toEqual(SILENT);
    expect(readConsentMode({ analytics_storage: "yes" })).toEqual(SILENT);
    expect(readConsentMode("granted")).toEqual(SILENT);
  });

  it("preferences: names in any case, the strictest of several, others by the project's map", () => {
    const read = (value: unknown) => readPreferences(value, { c0002: "analytics" });
    expect(read({ Analytics: true, Marketing: false })).toEqual({ analytics: "granted", advertising: "denied" });
    expect(read({ analytics: true, performance: false })).toEqual({ analytics: "denied", advertising: "unknown" });
    expect(read({ C0002: false })).toEqual({ analytics: "denied", advertising: "unknown" });
    expect(read({ functional: true, constructor: true, toString: true })).toEqual(SILENT);
    expect(read({ analytics: "yes" })).toEqual(SILENT);
    expect(read([true])).toEqual(SILENT);
  });

  it("headers: joined or alone, only 1 counts", () => {
    const of = (gpc: string, dnt: string) => headerSignals(new Headers({ "Sec-GPC": gpc, DNT: dnt }));
    expect(of("1", "0")).toEqual({ gpc: true, dnt: false });
    expect(of("0, 1", "1")).toEqual({ gpc: true, dnt: true });
    expect(of("11", "true")).toEqual({ gpc: false, dnt: false });
    expect(headerSignals(new Headers())).toEqual({ gpc: false, dnt: false });
  });

  it("nothing unreadable loses an event or makes a grant", () => {
    const settings = { categories: {}, legitimateInterest: false };
    const signals = clientSignals({ tcf: "x", gpp: {}, usp: [], gcm: 1, categoryPreferences: null }, settings);
    for (const { verdicts } of signals) expect(verdicts).toEqual(SILENT);
    expect(clientSignals("nonsense", settings)).toEqual([]);
  });
});

describe("regimes", () => {
  it.each([
    ["DE", "opt-in"],
    ["NO", "opt-in"],
    ["GB", "opt-in"],
    ["CH", "opt-in"],
    ["RE", "opt-in"],
    ["T1", "opt-in"],
    ["XX", "opt-in"],
    [null, "opt-in"],
    ["US", "opt-out"],
    ["BR", "opt-out"],
  ])("%s: %s", (country, regime) => expect(regimeOf(country, "opt-out")).toBe(regime));

  it("are overridden by the project", () => {
    expect(callerRegime("DE", { consentRegime: "opt-out" })).toBe("opt-out");
    expect(callerRegime("BR", {})).toBe("opt-in");
    expect(callerRegime("BR", { defaultRegime: "opt-out" })).toBe("opt-out");
  });
});
