// What a request and an event say of consent, each signal read on its own. Unreadable, empty or over-long is unknown, never
// granted, and loses no event by itself. API.md §4.

import { isObject } from "@behaviour/contract";
import { type PurposeVerdicts, SILENT, type Signals, type Verdict } from "./decide.ts";
import { readGppString } from "./gpp.ts";
import { readTcString } from "./tcf.ts";
import { readUspString } from "./usp.ts";

/** Names a consent tool may use for our two purposes; a project can map others. */
export const DEFAULT_CATEGORIES: Readonly<Record<string, keyof PurposeVerdicts>> = {
  analytics: "analytics",
  performance: "analytics",
  statistics: "analytics",
  measurement: "analytics",
  advertising: "advertising",
  marketing: "advertising",
  ads: "advertising",
  targeting: "advertising",
  personalization: "advertising",
};

export interface SignalSettings {
  categories: Readonly<Record<string, keyof PurposeVerdicts>>;
  /** The project declares legitimate interest for the TCF purposes where the law allows it. */
  legitimateInterest: boolean;
}

/** `Sec-GPC` and `DNT`. Two headers of one name arrive joined: any `1` counts. */
export function headerSignals(headers: Headers): { gpc: boolean; dnt: boolean } {
  return { gpc: saysOne(headers.get("Sec-GPC")), dnt: saysOne(headers.get("DNT")) };
}

function saysOne(value: string | null): boolean {
  return value?.split(",").some((part) => part.trim() === "1") ?? false;
}

/** @param consent the event's `context.consent`; anything but an object is silence. */
export function clientSignals(consent: unknown, settings: SignalSettings): Signals["client"] {
  if (!isObject(consent)) return NO_SIGNALS;
  const signals: { source: Signals["client"][number]["source"]; verdicts: PurposeVerdicts }[] = [];
  if (consent.categoryPreferences !== undefined) {
    signals.push({
      source: "preferences",
      verdicts: readPreferences(consent.categoryPreferences, settings.categories),
    });
  }
  if (consent.tcf !== undefined) {
    signals.push({ source: "tcf", verdicts: readTcString(consent.tcf, settings.legitimateInterest) });
  }
  if (consent.usp !== undefined) signals.push({ source: "usp", verdicts: readUspString(consent.usp) });
  if (consent.gcm !== undefined) signals.push({ source: "gcm", verdicts: readConsentMode(consent.gcm) });
  if (consent.gpp !== undefined) {
    const verdicts = readGppString(consent.gpp, consent.gpp_sid, settings.legitimateInterest);
    signals.push({ source: "gpp", verdicts });
  }
  return signals;
}

const NO_SIGNALS: Signals["client"] = [];

/** Segment's map of category → boolean. Of several categories of one purpose the strictest counts. */
export function readPreferences(value: unknown, categories: SignalSettings["categories"]): PurposeVerdicts {
  if (!isObject(value)) return SILENT;
  const verdicts = { ...SILENT };
  for (const [name, allowed] of Object.entries(value)) {
    const purpose = Object.hasOwn(categories, name.toLowerCase()) ? categories[name.toLowerCase()] : undefined;
    if (purpose === undefined || typeof allowed !== "boolean") continue;
    if (!allowed) verdicts[purpose] = "denied";
    else if (verdicts[purpose] === "unknown") verdicts[purpose] = "granted";
  }
  return verdicts;
}

const ADVERTISING_STORAGE = ["ad_storage", "ad_user_data", "ad_personalization"] as const;

/** Google Consent Mode v2: each field `granted` or `denied`. */
export function readConsentMode(value: unknown): PurposeVerdicts {
  if (!isObject(value)) return SILENT;
  const advertising = ADVERTISING_STORAGE.map((field) => asVerdict(value[field]));
  return {
    analytics: asVerdict(value.analytics_storage),
    advertising: advertising.includes("denied")
      ? "denied"
      : advertising.every((verdict) => verdict === "granted")
        ? "granted"
        : "unknown",
  };
}

function asVerdict(value: unknown): Verdict {
  return value === "granted" || value === "denied" ? value : "unknown";
}
