// Reads the consent signals of a request and an event, each signal separately. An unreadable, empty or over-long signal is
// unknown, never granted, and drops no event by itself. docs/API_DOCUMENTATION.md#consent.

import { isObject, LIMITS } from "@behaviour/contract";
import { type CategorySettings, purposeOf } from "./categories.ts";
import { type PurposeVerdicts, SILENT, type Signals, type Verdict } from "./decide.ts";
import { readGppString } from "./gpp.ts";
import { readTcString } from "./tcf.ts";
import { readUspString } from "./usp.ts";

export interface SignalSettings {
  /** The project's own category names, in addition to the default names of consent managers. */
  categories: CategorySettings;
  /** The project declares legitimate interest for the TCF purposes where the law allows it. */
  legitimateInterest: boolean;
}

/** `Sec-GPC` and `DNT`. Two headers with the same name arrive joined, and any `1` counts. */
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

/** Segment's map of category → boolean. If several categories belong to one purpose, the strictest counts. */
export function readPreferences(value: unknown, categories: CategorySettings): PurposeVerdicts {
  if (!isObject(value) || isTooLong(value)) return SILENT;
  const verdicts = { ...SILENT };
  for (const [name, allowed] of Object.entries(value)) {
    const purpose = typeof allowed === "boolean" ? purposeOf(name, categories) : undefined;
    if (purpose === undefined) continue;
    if (!allowed) verdicts[purpose] = "denied";
    else if (verdicts[purpose] === "unknown") verdicts[purpose] = "granted";
  }
  return verdicts;
}

const encoder = new TextEncoder();

function isTooLong(value: object): boolean {
  const text = JSON.stringify(value);
  if (text.length * 3 <= LIMITS.consentSignalBytes) return false;
  return text.length > LIMITS.consentSignalBytes || encoder.encode(text).byteLength > LIMITS.consentSignalBytes;
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
