// Whether a text can hold personal data at all, told by native searches for rare characters and a look around each hit. A
// regular expression over the whole text costs ten times as much, and this runs for every request. Never says no to a text
// in which a pattern of patterns.ts would match.

import { PERSONAL_PARAMETERS } from "./parameters.ts";

/**
 * Of a whole body whose text has no escapes; everything but card numbers: those are told string by string (collect/scan.ts),
 * because the ids and times beside the strings that matter are full of digits.
 */
export function bodyMayHoldPii(text: string): boolean {
  return mayHoldEmail(text) || mayHoldCredential(text) || mayHoldToken(text);
}

export function mayHoldEmail(text: string): boolean {
  return text.includes("@") || text.includes("%40");
}

/** A personal parameter, or the user-info of a URL. */
export function mayHoldCredential(text: string): boolean {
  for (let at = text.indexOf("="); at >= 0; at = text.indexOf("=", at + 1)) if (endsPersonalName(text, at)) return true;
  return text.includes("@");
}

const SHORTEST_PARAMETER = 3;
const LONGEST_PARAMETER = 16;

/** Length, first and last letter in one number: rules out almost every name without making a string of it. */
function shapeOf(text: string, start: number, end: number): number {
  return ((end - start) << 16) | (lowerCase(text.charCodeAt(start)) << 8) | lowerCase(text.charCodeAt(end - 1));
}

/** Of what may stand in a name; the underscore becomes something else, but always the same. */
function lowerCase(unit: number): number {
  return unit | 0x20;
}

const PERSONAL_SHAPES = new Set([...PERSONAL_PARAMETERS].map((name) => shapeOf(name, 0, name.length)));

function endsPersonalName(text: string, end: number): boolean {
  let start = end;
  while (start > 0 && end - start < LONGEST_PARAMETER && isNameUnit(text.charCodeAt(start - 1))) start--;
  if (end - start < SHORTEST_PARAMETER || !PERSONAL_SHAPES.has(shapeOf(text, start, end))) return false;
  return PERSONAL_PARAMETERS.has(text.slice(start, end).toLowerCase());
}

const DASH = 0x2d;
const UNDERSCORE = 0x5f;

function isNameUnit(unit: number): boolean {
  const lower = lowerCase(unit);
  return (lower >= 0x61 && lower <= 0x7a) || unit === UNDERSCORE || unit === DASH;
}

export function mayHoldToken(text: string): boolean {
  // eyJ…: what a JSON Web Token begins with.
  for (let at = text.indexOf("J"); at >= 0; at = text.indexOf("J", at + 1)) if (follows(text, at, "ey")) return true;
  for (let at = text.indexOf("A"); at >= 0; at = text.indexOf("A", at + 1)) if (isCloudKeyAt(text, at)) return true;
  for (let at = text.indexOf("_"); at >= 0; at = text.indexOf("_", at + 1)) if (isKeyPrefixAt(text, at)) return true;
  return text.includes("BEGIN ") || text.includes("xox");
}

function follows(text: string, at: number, before: string): boolean {
  return at >= before.length && text.startsWith(before, at - before.length);
}

const UPPER_I = 0x49;
const UPPER_K = 0x4b;
const UPPER_S = 0x53;

/** `AKIA`, `ASIA`, `AIza`. */
function isCloudKeyAt(text: string, at: number): boolean {
  const second = text.charCodeAt(at + 1);
  if (second === UPPER_I) return text.startsWith("za", at + 2);
  return (second === UPPER_K || second === UPPER_S) && text.startsWith("IA", at + 2);
}

const LOWER_B = 0x62;
const LOWER_G = 0x67;
const LOWER_H = 0x68;
const LOWER_K = 0x6b;

/** `sk_live_`, `rk_test_`, `ghp_`, `github_pat_`: what stands around the underscore at `at`. */
function isKeyPrefixAt(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  if (before === LOWER_K) return text.startsWith("live_", at + 1) || text.startsWith("test_", at + 1);
  if (before === LOWER_B) return follows(text, at, "github");
  return text.charCodeAt(at - 2) === LOWER_H && text.charCodeAt(at - 3) === LOWER_G;
}

const CARD_DIGITS = 13;
const SPACE = 0x20;

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function isCardUnit(unit: number): boolean {
  return isDigit(unit) || unit === SPACE || unit === DASH;
}

/**
 * Whether 13 digits stand together, spaces and dashes aside. Such a run is at least 13 long, so looking at every 13th
 * character can't step over it.
 */
export function mayHoldCard(text: string): boolean {
  for (let at = CARD_DIGITS - 1; at < text.length; at += CARD_DIGITS) {
    if (!isCardUnit(text.charCodeAt(at))) continue;
    let digits = 0;
    let start = at;
    while (start > 0 && isCardUnit(text.charCodeAt(start - 1))) start--;
    let end = start;
    for (; end < text.length && isCardUnit(text.charCodeAt(end)); end++) if (isDigit(text.charCodeAt(end))) digits++;
    if (digits >= CARD_DIGITS) return true;
    // Past this run: each character is looked at once at most, whatever the text.
    at = Math.max(at, end);
  }
  return false;
}
