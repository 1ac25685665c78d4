// Reads IAB GPP strings without a library: a header that lists section ids, then the sections, joined by `~`. Only sections
// that apply (`gpp_sid`) are read: US sections for opt-outs, the EU section as a TC string. Anyone can send such a string, so
// its content must not determine how much work it causes. The header must not list more sections than the string has.
// https://github.com/InteractiveAdvertisingBureau/Global-Privacy-Platform, "Consent String Specification"

import { bitAt, isBase64Url, lengthInBits, readBits } from "./bits.ts";
import { type PurposeVerdicts, SILENT, stricter } from "./decide.ts";
import { US_SECTIONS, type UsSection } from "./gpp-sections.ts";
import { MAX_CONSENT_STRING_CHARS, readTcString } from "./tcf.ts";
import { readUspString } from "./usp.ts";

const TCF_EU_SECTION = 2;
const USP_SECTION = 6;

/** `D`, in place of a TC string's `C`. */
const HEADER_TYPE = 3;
const HEADER_VERSION = 1;
const TYPE_BITS = 6;
const VERSION_BITS = 6;
const COUNT_BITS = 12;
const RANGES_AT = TYPE_BITS + VERSION_BITS + COUNT_BITS;

/** Twice the number of registered sections: the sections we know must stay readable in strings of a newer registry. */
const MAX_SECTIONS = 64;
const MAX_SECTION_ID = 255;

const OPTED_OUT = 1;
const OPT_OUT_BITS = 2;
/** After the segment's type. The type is not read, because a section with a GPC segment has no other segment. */
const GPC_AT = 2;
const MAX_SEGMENTS = 4;

/** @returns silence if the text can't be read: unknown, never granted. */
export function readGppString(text: unknown, sid: unknown, legitimateInterest: boolean): PurposeVerdicts {
  if (typeof text !== "string" || text.length === 0 || text.length > MAX_CONSENT_STRING_CHARS) return SILENT;
  const applicable = applicableSections(sid);
  // Tools that know only the TCF put a plain TC string here.
  if (text.startsWith("C")) {
    return applicable?.has(TCF_EU_SECTION) === false ? SILENT : readTcString(text, legitimateInterest);
  }
  const [header = "", ...sections] = text.split("~", MAX_SECTIONS + 2);
  if (sections.length > MAX_SECTIONS) return SILENT;
  const ids = readHeader(header, sections.length);
  if (ids === null) return SILENT;
  let verdicts = SILENT;
  for (const [index, id] of ids.entries()) {
    if (applicable !== null && !applicable.has(id)) continue;
    verdicts = stricter(verdicts, readSection(id, sections[index] as string, legitimateInterest));
  }
  return verdicts;
}

/** @returns the section ids, one for each of `sections`; null if the header is unreadable or lists another number of ids. */
function readHeader(header: string, sections: number): number[] | null {
  if (!isBase64Url(header) || readBits(header, 0, TYPE_BITS) !== HEADER_TYPE) return null;
  if (readBits(header, TYPE_BITS, VERSION_BITS) !== HEADER_VERSION) return null;
  const ranges = readBits(header, TYPE_BITS + VERSION_BITS, COUNT_BITS);
  if (ranges > sections) return null;
  const ids: number[] = [];
  const cursor = { at: RANGES_AT };
  let last = 0;
  for (let range = 0; range < ranges; range++) {
    const isRange = bitAt(header, cursor.at++);
    const first = last + readFibonacci(header, cursor);
    last = isRange ? first + readFibonacci(header, cursor) : first;
    // Also true for NaN.
    if (!(last <= MAX_SECTION_ID) || ids.length + last - first >= sections) return null;
    for (let id = first; id <= last; id++) ids.push(id);
  }
  return ids.length === sections ? ids : null;
}

/**
 * Fibonacci coding: each bit stands for the next of 1, 2, 3, 5, 8 …, and two ones in a row end the number.
 * @returns NaN for a number above `MAX_SECTION_ID`. Such a number is never read to its end.
 */
function readFibonacci(text: string, cursor: { at: number }): number {
  let value = 0;
  let isOne = false;
  for (let [weight, next] = [1, 2]; weight <= MAX_SECTION_ID; [weight, next] = [next, weight + next]) {
    const wasOne = isOne;
    isOne = bitAt(text, cursor.at++);
    if (isOne && wasOne) return value;
    if (isOne) value += weight;
  }
  return Number.NaN;
}

function readSection(id: number, text: string, legitimateInterest: boolean): PurposeVerdicts {
  if (id === TCF_EU_SECTION) return readTcString(text, legitimateInterest);
  if (id === USP_SECTION) return readUspString(text);
  const section = US_SECTIONS.get(id);
  // "Did not opt out" is silence, not a grant.
  return section !== undefined && isOptedOut(section, text) ? { analytics: "unknown", advertising: "denied" } : SILENT;
}

function isOptedOut({ optOutsAt, hasGpc }: UsSection, text: string): boolean {
  const [core = "", ...segments] = text.split(".", MAX_SEGMENTS);
  const end = (optOutsAt.at(-1) as number) + OPT_OUT_BITS;
  if (!isBase64Url(core) || lengthInBits(core) < end) return false;
  return (
    optOutsAt.some((at) => readBits(core, at, OPT_OUT_BITS) === OPTED_OUT) || (hasGpc && segments.some(isGpcSegment))
  );
}

function isGpcSegment(segment: string): boolean {
  return isBase64Url(segment) && bitAt(segment, GPC_AT);
}

/**
 * Parses `gpp_sid`: a list, or a text joined by `_` or `,`. Null if it is absent or longer than any list of sections. Then every
 * section counts.
 */
function applicableSections(sid: unknown): Set<number> | null {
  if (sid === undefined || sid === null || sid === "") return null;
  if ((typeof sid === "string" || Array.isArray(sid)) && sid.length > MAX_CONSENT_STRING_CHARS) return null;
  const parts: unknown[] = Array.isArray(sid) ? sid : typeof sid === "string" ? sid.split(/[_,]/) : [sid];
  return new Set(parts.map(Number).filter(Number.isInteger));
}
