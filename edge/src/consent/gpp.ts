// Reads IAB GPP strings: the sections that apply (`gpp_sid`), US ones for opt-outs of sale, sharing and targeted advertising,
// the EU one as the TC string it holds. The codec is IAB's own and loaded with the first string that comes.
// https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform

import { type PurposeVerdicts, SILENT, stricter } from "./decide.ts";
import { MAX_CONSENT_STRING_CHARS, readTcString } from "./tcf.ts";

const TCF_EU_SECTION = 2;
const USP_SECTION = 6;
/** National and states' sections, as registered up to now. */
const FIRST_US_SECTION = 7;
const LAST_US_SECTION = 30;

const OPTED_OUT = 1;
const OPT_OUTS = ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"] as const;

export async function readGppString(
  text: unknown,
  sid: unknown,
  legitimateInterest: boolean,
): Promise<PurposeVerdicts> {
  if (typeof text !== "string" || text.length === 0 || text.length > MAX_CONSENT_STRING_CHARS) return SILENT;
  const { GppModel } = await import("@iabgpp/cmpapi");
  try {
    const model = new GppModel(text);
    const applicable = applicableSections(sid);
    let verdicts = SILENT;
    for (const id of model.getSectionIds()) {
      if (applicable !== null && !applicable.has(id)) continue;
      verdicts = stricter(verdicts, readSection(model, id, legitimateInterest));
    }
    return verdicts;
  } catch {
    return SILENT; // Unreadable is unknown.
  }
}

interface ReadableModel {
  getSection(name: string): object | null;
  encodeSection(name: string): string;
}

function readSection(model: ReadableModel, id: number, legitimateInterest: boolean): PurposeVerdicts {
  if (id === TCF_EU_SECTION) return readTcString(model.encodeSection("tcfeuv2"), legitimateInterest);
  const name = id === USP_SECTION ? "uspv1" : US_SECTION_NAMES[id - FIRST_US_SECTION];
  if (name === undefined || id > LAST_US_SECTION) return SILENT;
  const section = model.getSection(name) as Record<string, unknown> | null;
  if (section === null) return SILENT;
  const optedOut =
    OPT_OUTS.some((field) => section[field] === OPTED_OUT) || section.OptOutSale === "Y" || section.Gpc === true;
  // "Did not opt out" is silence, not a grant.
  return optedOut ? { analytics: "unknown", advertising: "denied" } : SILENT;
}

/** From section 7 on, in the order of their ids. */
const US_SECTION_NAMES =
  "usnat usca usva usco usut usct usfl usmt usor ustx usde usia usne usnh usnj ustn usmn usmd usin usky usri".split(
    " ",
  );

/** `gpp_sid` as a list, or as text joined by `_` or `,`; null when absent: then every section counts. */
function applicableSections(sid: unknown): Set<number> | null {
  if (sid === undefined || sid === null || sid === "") return null;
  const parts: unknown[] = Array.isArray(sid) ? sid : typeof sid === "string" ? sid.split(/[_,]/) : [sid];
  return new Set(parts.map(Number).filter(Number.isInteger));
}
