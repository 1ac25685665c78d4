// Finds e-mail addresses from each `@`: at most 64 characters back and 255 forward. A character is read for the two nearest `@`
// at most, so the cost is linear in the text's length, whatever the text.

import { maskOf, type PiiRange } from "./classes.ts";
import { FILE_EXTENSIONS } from "./file-extensions.ts";
import {
  DASH,
  DOT,
  isAlphanumeric,
  isAsciiLetter,
  isDigit,
  isForeignLetter,
  isUnspacedLetter,
  unitAt,
} from "./units.ts";

/** RFC 5321, 4.5.3.1. */
const LOCAL_PART_MAX = 64;
const DOMAIN_MAX = 255;
const LABEL_MAX = 63;
/** `museum`, `photography`. The longest top-level domain has 18 letters today. */
const TOP_LEVEL_MAX = 24;

const MASK = maskOf("email");

/** @param plain without percent-encoding */
export function findEmails(plain: string): PiiRange[] {
  const ranges: PiiRange[] = [];
  let done = 0;
  for (let at = plain.indexOf("@"); at >= 0; at = plain.indexOf("@", at + 1)) {
    const start = startOfLocalPart(plain, at, done);
    if (start === at) continue;
    const end = endOfDomain(plain, at + 1);
    if (end === null) continue;
    ranges.push({ start, end, by: MASK });
    done = end;
  }
  return ranges;
}

/** @param from the end of the previous address */
function startOfLocalPart(plain: string, at: number, from: number): number {
  const first = Math.max(from, at - LOCAL_PART_MAX);
  let start = at;
  let hasAscii = false;
  while (start > first) {
    const unit = plain.charCodeAt(start - 1);
    const isAscii = isAlphanumeric(unit);
    if (!isAscii && !isLocalSign(unit) && (!isForeignLetter(unit) || (hasAscii && isUnspacedLetter(unit)))) break;
    hasAscii ||= isAscii;
    start--;
  }
  // A quote or a full stop before an address belongs to the sentence.
  while (start < at && isSign(plain.charCodeAt(start))) start++;
  return start;
}

const UNDERSCORE = 0x5f;
const PLUS = 0x2b;
const APOSTROPHE = 0x27;

function isLocalSign(unit: number): boolean {
  return unit === DOT || unit === DASH || unit === UNDERSCORE || unit === PLUS || unit === APOSTROPHE;
}

function isSign(unit: number): boolean {
  return isLocalSign(unit) && unit !== UNDERSCORE;
}

/** @returns null if no domain begins at `start`. */
function endOfDomain(plain: string, start: number): number | null {
  const last = Math.min(plain.length, start + DOMAIN_MAX);
  let end: number | null = null;
  let labels = 0;
  let topLevel = "";
  for (let label = start; label < last; ) {
    let next = label;
    while (next < last && isLabelUnit(plain.charCodeAt(next))) next++;
    if (next === label || next - label > LABEL_MAX) break;
    const labelEnd = labels === 0 ? null : endOfTopLevel(plain, label, next);
    if (labelEnd !== null) {
      end = labelEnd;
      topLevel = plain.slice(label, labelEnd);
    }
    labels++;
    if (unitAt(plain, next) !== DOT || (labelEnd !== null && labelEnd !== next)) break;
    label = next + 1;
  }
  if (end === null || FILE_EXTENSIONS.has(topLevel.toLowerCase()) || isVersion(plain, start)) return null;
  return end;
}

function isLabelUnit(unit: number): boolean {
  return isAlphanumeric(unit) || unit === DASH || isForeignLetter(unit);
}

/** The end of a label that can be a top-level domain: letters up to its end or a dash, or an encoded domain of another script. */
function endOfTopLevel(plain: string, start: number, labelEnd: number): number | null {
  if (plain.startsWith("xn--", start) && labelEnd - start > 4) return labelEnd;
  let end = start;
  const isAscii = isAsciiLetter(plain.charCodeAt(start));
  while (end < labelEnd && isTopLevelLetter(plain.charCodeAt(end), isAscii)) end++;
  const length = end - start;
  if (length < 2 || length > TOP_LEVEL_MAX) return null;
  const goesOn = end < labelEnd && plain.charCodeAt(end) !== DASH && !isUnspacedLetter(plain.charCodeAt(end));
  return goesOn ? null : end;
}

function isTopLevelLetter(unit: number, isAscii: boolean): boolean {
  return isAsciiLetter(unit) || (isForeignLetter(unit) && !(isAscii && isUnspacedLetter(unit)));
}

/** `@2x.…` in the name of a picture for a high-resolution screen, or `@4.17.21` after a package's name. */
function isVersion(plain: string, start: number): boolean {
  let at = start;
  while (isDigit(unitAt(plain, at))) at++;
  if (at === start) return false;
  const after = unitAt(plain, at) | 0x20;
  if (after === 0x78) return unitAt(plain, at + 1) === DOT;
  return unitAt(plain, at) === DOT && isDigit(unitAt(plain, at + 1));
}
