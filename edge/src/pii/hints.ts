// Whether a body can hold personal data at all, told by native searches for rare characters and a look around each hit. A
// regular expression over the whole text costs ten times as much, and this runs for every request. Never says no to a body
// in which a pattern of patterns.ts would match.

import { PERSONAL_PARAMETERS } from "./parameters.ts";

export function bodyMayHoldPii(text: string): boolean {
  return (
    text.includes("@") ||
    text.includes("%40") ||
    // An escape can hide anything from a search over the text.
    text.includes("\\u") ||
    holdsPersonalParameter(text) ||
    mayHoldToken(text) ||
    holdsLongNumber(text)
  );
}

/** Calls `look` with each place of `needle`, until it says yes. */
function somewhere(text: string, needle: string, look: (at: number) => boolean): boolean {
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + 1)) if (look(at)) return true;
  return false;
}

const LONGEST_PARAMETER = 16;

function holdsPersonalParameter(text: string): boolean {
  return somewhere(text, "=", (at) => {
    const name = /[A-Za-z_-]+$/.exec(text.slice(Math.max(0, at - LONGEST_PARAMETER), at));
    return name !== null && PERSONAL_PARAMETERS.has(name[0].toLowerCase());
  });
}

/** Also used on single strings, to spare them the patterns. */
export function mayHoldToken(text: string): boolean {
  return (
    // eyJ…: what a JSON Web Token begins with.
    somewhere(text, "J", (at) => text.startsWith("ey", at - 2)) ||
    text.includes("AKIA") ||
    text.includes("ASIA") ||
    text.includes("AIza") ||
    text.includes("BEGIN ") ||
    text.includes("xox") ||
    somewhere(text, "_", (at) => isKeyPrefix(text, at))
  );
}

/** `sk_live_`, `rk_test_`, `ghp_`, `github_pat_`: what stands around the underscore at `at`. */
function isKeyPrefix(text: string, at: number): boolean {
  if (text.startsWith("_live_", at) || text.startsWith("_test_", at)) return text.charAt(at - 1) === "k";
  return text.startsWith("gh", at - 3) || text.startsWith("github_pat", at - 6);
}

const CARD_DIGITS = 13;
const SPACE = 0x20;
const DASH = 0x2d;

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
function holdsLongNumber(text: string): boolean {
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
