// Determines the classes of personal data that a text can hold, by native searches for rare characters and a check around each
// hit. It runs over a whole body first, and then over single strings for the classes that the body can hold. It never excludes
// a class that would be found. A regular expression over the whole text costs ten times as much, and this runs for every
// request.

import { escapeAt } from "@behaviour/contract";
import { CARD_DIGITS_MIN, isSeparator } from "./card.ts";
import { ALL_PII, NO_PII, PII } from "./classes.ts";
import { mayEndName, shapeOfValue, startOfName } from "./parameter-names.ts";
import { isBase64UrlUnit, isDigit } from "./units.ts";

/**
 * The classes of a whole body whose text has no escapes. Cards are always included and are excluded string by string, because the
 * ids and times beside the relevant strings are full of digits.
 */
export function bodyMayHold(text: string): number {
  const all = ALL_PII & ~PII.card;
  return PII.card | (textBits(text, all) & all);
}

/** `a@b.cd`: no shorter text can hold personal data. */
const SHORTEST_FIND = 6;

/** The classes of one string. @param bits the classes that are known to be possible; @returns the classes that remain possible */
export function textMayHold(text: string, bits: number): number {
  if (text.length < SHORTEST_FIND) return NO_PII;
  const rest = bits & ~PII.card;
  const found = rest === NO_PII ? NO_PII : textBits(text, rest);
  return (bits & PII.card) !== 0 && mayHoldCard(text) ? found | PII.card : found;
}

function textBits(text: string, bits: number): number {
  let found = NO_PII;
  if ((bits & (PII.email | PII.userInfo)) !== 0 && text.includes("@")) found |= PII.email | PII.userInfo;
  if ((bits & PII.parameter) !== 0 && mayHoldParameter(text)) found |= PII.parameter;
  if ((bits & PII.token) !== 0 && mayHoldToken(text)) found |= PII.token;
  const missing = bits & ~found;
  if (missing !== NO_PII) found |= bitsOfEscapes(text, missing);
  return found & bits;
}

const PERCENT = 0x25;
const HEX_D = 0x64;
const DIGIT_5 = 0x35;

function mayHoldParameter(text: string): boolean {
  for (let at = text.indexOf("="); at >= 0; at = text.indexOf("=", at + 1)) if (mayEndSentName(text, at)) return true;
  return false;
}

/** Checks a name in a sent text, which may hold escapes (`user%5Bpassword%5D=`). */
export function mayEndSentName(text: string, end: number): boolean {
  if ((text.charCodeAt(end - 1) | 0x20) === HEX_D && text.charCodeAt(end - 2) === DIGIT_5) return true;
  if (!mayEndName(text, end)) return false;
  const start = startOfName(text, end);
  return text.charCodeAt(start - 1) === PERCENT || shapeOfValue(text.slice(start, end)) !== null;
}

const EQUALS = 0x3d;
const AT = 0x40;
const SPACE = 0x20;

/** The classes of `wanted` that percent-encoded characters can add. Spaces, slashes and letters of other scripts add none. */
function bitsOfEscapes(text: string, wanted: number): number {
  let found = NO_PII;
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", at + 1)) {
    const escape = escapeAt(text, at);
    if (escape === null) continue;
    const { unit } = escape;
    if (unit === AT) found |= PII.email | PII.userInfo;
    else if (unit === EQUALS) found |= (found & PII.parameter) === 0 && mayEndSentName(text, at) ? PII.parameter : 0;
    else if (unit === SPACE) found |= text.startsWith("BEGIN", at - 5) ? PII.token : 0;
    // A character is encoded without need only to hide it.
    else if (isBase64UrlUnit(unit)) return wanted;
    if ((wanted & ~found) === NO_PII) return wanted;
    at = escape.end - 1;
  }
  return found;
}

function mayHoldToken(text: string): boolean {
  // A JSON Web Token begins with `eyJ`.
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

/** Checks the characters around the underscore at `at`: `sk_live_`, `rk_test_`, `ghp_`, `github_pat_`. */
function isKeyPrefixAt(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  if (before === LOWER_K) return text.startsWith("live_", at + 1) || text.startsWith("test_", at + 1);
  if (before === LOWER_B) return follows(text, at, "github");
  return text.charCodeAt(at - 2) === LOWER_H && text.charCodeAt(at - 3) === LOWER_G;
}

/** A character of a card number as sent: a digit, a separator, or a part of a separator's escape (`%20`, `%252B`, `%2D`). */
function isCardUnit(unit: number): boolean {
  return isDigit(unit) || isSeparator(unit) || unit === PERCENT || (unit | 0x20) === 0x62 || (unit | 0x20) === HEX_D;
}

/**
 * Whether the text has a run of a card's digits and separators. Such a run has at least 14 characters, so a check of every 14th
 * character cannot miss it.
 */
function mayHoldCard(text: string): boolean {
  for (let at = CARD_DIGITS_MIN - 1; at < text.length; at += CARD_DIGITS_MIN) {
    if (!isCardUnit(text.charCodeAt(at))) continue;
    let digits = 0;
    let start = at;
    while (start > 0 && isCardUnit(text.charCodeAt(start - 1))) start--;
    let end = start;
    for (; end < text.length && isCardUnit(text.charCodeAt(end)); end++) if (isDigit(text.charCodeAt(end))) digits++;
    if (digits >= CARD_DIGITS_MIN) return true;
    // Continue after this run, so that each character is read at most once, whatever the text.
    at = Math.max(at, end);
  }
  return false;
}
