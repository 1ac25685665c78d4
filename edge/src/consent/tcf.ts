// Reads the purposes from a TC string (IAB TCF v2) without a library: two 24-bit fields at fixed positions of the core
// segment. `@iabtcf/core` is the oracle in the tests.
// https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework, "TC string format", core string.

import { bitAt, isBase64Url, lengthInBits, readBits } from "./bits.ts";
import { type PurposeVerdicts, SILENT } from "./decide.ts";

const VERSION_BITS = 6;
const PURPOSES_CONSENT_AT = 152;
const PURPOSES_INTEREST_AT = 176;
const PURPOSES_END = 200;
const SUPPORTED_VERSION = 2;
export const MAX_CONSENT_STRING_CHARS = 4_096;

/** Store/access, measure content, statistics, develop services. */
const ANALYTICS_PURPOSES = [1, 8, 9, 10];
/** Profiles for ads, personalised ads, and the basis of ad measurement, in addition to the analytics purposes. */
const ADVERTISING_PURPOSES = [3, 4, 7];
/** Storage on the device can't be based on legitimate interest. */
const CONSENT_ONLY = 1;

/** @returns silence if the text can't be read: unknown, never granted. */
export function readTcString(text: unknown, legitimateInterest: boolean): PurposeVerdicts {
  if (typeof text !== "string" || text.length === 0 || text.length > MAX_CONSENT_STRING_CHARS) return SILENT;
  const dot = text.indexOf(".");
  const core = dot < 0 ? text : text.slice(0, dot);
  if (lengthInBits(core) < PURPOSES_END) return SILENT;
  const version = readBits(core, 0, VERSION_BITS);
  if (version !== SUPPORTED_VERSION || !isBase64Url(core)) return SILENT;
  const allowed = (purpose: number) =>
    bitAt(core, PURPOSES_CONSENT_AT + purpose - 1) ||
    (legitimateInterest && purpose !== CONSENT_ONLY && bitAt(core, PURPOSES_INTEREST_AT + purpose - 1));
  const analytics = ANALYTICS_PURPOSES.every(allowed);
  const advertising = analytics && ADVERTISING_PURPOSES.every(allowed);
  return { analytics: analytics ? "granted" : "denied", advertising: advertising ? "granted" : "denied" };
}
