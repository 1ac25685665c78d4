// Finds card numbers by their digits: an issuer's range and length, Luhn's check digit, and the form of a card: plain, 4-4-4-4,
// 4-4-4-4-3, 4-6-5 or 4-6-4 with one kind of separator. Digits inside a longer id, URN, decimal or hexadecimal number do not
// count, because a text that is masked by mistake is lost.

import { ISSUERS } from "./card-issuers.ts";
import { maskOf, type PiiRange } from "./classes.ts";
import {
  DASH,
  DOT,
  isAlphanumeric,
  isAsciiLetter,
  isDigit,
  isForeignLetter,
  NO_UNIT,
  SPACE,
  UNDERSCORE,
  unitAt,
} from "./units.ts";

/** No card has fewer digits. */
export const CARD_DIGITS_MIN = 14;
const CARD_DIGITS_MAX = 19;
/** Means a space in a query. */
const PLUS = 0x2b;
const COLON = 0x3a;

const MASK = maskOf("card");

const FORMS: readonly (readonly number[])[] = [
  [4, 4, 4, 4, 3],
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
];

/** @param plain without percent-encoding */
export function findCards(plain: string): PiiRange[] {
  const ranges: PiiRange[] = [];
  for (let at = 0; at < plain.length; ) {
    if (!isDigit(plain.charCodeAt(at))) at++;
    else at = lookAtRun(plain, at, ranges);
  }
  return ranges;
}

export function isSeparator(unit: number): boolean {
  return unit === SPACE || unit === DASH || unit === PLUS;
}

/** @returns the position at which the search continues: after the digits that begin at `start`, or after the card. */
function lookAtRun(plain: string, start: number, ranges: PiiRange[]): number {
  let end = start;
  while (isDigit(unitAt(plain, end))) end++;
  const length = end - start;
  let cardEnd: number | null = null;
  if (length === 4) cardEnd = endOfGroups(plain, start);
  else if (length >= CARD_DIGITS_MIN && length <= CARD_DIGITS_MAX && isCardAt(plain, start, end)) cardEnd = end;
  if (cardEnd === null) return end;
  ranges.push({ start, end: cardEnd, by: MASK });
  return cardEnd;
}

function isCardAt(plain: string, start: number, end: number): boolean {
  return !isWithinId(plain, start, end) && isCard(plain.slice(start, end));
}

/** The end of a card in groups whose first group begins at `start`, or null if the groups are not a card. */
function endOfGroups(plain: string, start: number): number | null {
  const separator = unitAt(plain, start + 4);
  if (!isSeparator(separator) || goesOnBefore(plain, start, separator)) return null;
  for (const form of FORMS) {
    const end = endOfForm(plain, start, form, separator);
    if (end !== null && !goesOnAfter(plain, end, separator) && isCardAt(plain, start, end)) return end;
  }
  return null;
}

function endOfForm(plain: string, start: number, form: readonly number[], separator: number): number | null {
  let at = start;
  for (const [index, length] of form.entries()) {
    if (index > 0 && plain.charCodeAt(at++) !== separator) return null;
    for (const end = at + length; at < end; at++) if (!isDigit(unitAt(plain, at))) return null;
  }
  return isDigit(unitAt(plain, at)) ? null : at;
}

/** A short number beside a card is a month or a security code. With a longer number the whole is an IBAN or another id. */
const SHORT_GROUP_MAX = 3;

function goesOnBefore(plain: string, start: number, separator: number): boolean {
  if (unitAt(plain, start - 1) !== separator) return false;
  let at = start - 1;
  while (at > 0 && start - at <= SHORT_GROUP_MAX + 2 && isAlphanumeric(plain.charCodeAt(at - 1))) at--;
  const length = start - 1 - at;
  // Before the number there is a word, or nothing.
  if (length === 0 || !isDigit(plain.charCodeAt(start - 2))) return false;
  return separator === DASH || length > SHORT_GROUP_MAX;
}

function goesOnAfter(plain: string, end: number, separator: number): boolean {
  if (unitAt(plain, end) !== separator || !isDigit(unitAt(plain, end + 1))) return false;
  let at = end + 1;
  while (isDigit(unitAt(plain, at)) && at - end <= SHORT_GROUP_MAX + 1) at++;
  return separator === DASH || at - end - 1 > SHORT_GROUP_MAX;
}

function isWithinId(plain: string, start: number, end: number): boolean {
  const before = unitAt(plain, start - 1);
  const after = unitAt(plain, end);
  if (isWordUnit(before) || isWordUnit(after)) return true;
  // `0.4111…`, `4111….25`, `order-4111…`, `4111…-b2`.
  if (before === DOT || ((after === DOT || after === DASH) && isAlphanumeric(unitAt(plain, end + 1)))) return true;
  if (before === DASH && isAlphanumeric(unitAt(plain, start - 2))) return true;
  // `+34…` begins a telephone number. In a query a plus is a space.
  if (before === PLUS && !isAlphanumeric(unitAt(plain, start - 2))) return true;
  return before === COLON && isWithinUrn(plain, start - 1);
}

function isWordUnit(unit: number): boolean {
  return unit !== NO_UNIT && (isAsciiLetter(unit) || unit === UNDERSCORE || isForeignLetter(unit));
}

const URN_PART_MAX = 64;

/** `urn:li:activity:6829…`, `arn:aws:…`: the colon at `colon` is not the first colon of its word. */
function isWithinUrn(plain: string, colon: number): boolean {
  for (let at = colon - 1; at >= 0 && colon - at <= URN_PART_MAX; at--) {
    const unit = plain.charCodeAt(at);
    if (unit === COLON) return isAlphanumeric(unitAt(plain, at - 1));
    if (!isAlphanumeric(unit) && unit !== DASH && unit !== UNDERSCORE && unit !== DOT) return false;
  }
  return false;
}

/** @param text digits, plain or in groups */
export function isCard(text: string): boolean {
  const digits = digitsOf(text);
  const isGrouped = digits.length < text.length;
  const first = Number(digits.slice(0, 6));
  const isIssued = ISSUERS.some(
    ({ from, to, plain, grouped }) =>
      first >= from && first <= to && (plain.includes(digits.length) || (isGrouped && grouped === digits.length)),
  );
  return isIssued && passesLuhn(digits);
}

function digitsOf(text: string): string {
  let digits = "";
  for (const character of text) if (isDigit(character.charCodeAt(0))) digits += character;
  return digits;
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  let isDoubled = false;
  for (let i = digits.length - 1; i >= 0; i--) {
    const digit = digits.charCodeAt(i) - 0x30;
    const value = isDoubled ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
    isDoubled = !isDoubled;
  }
  // Sixteen zeros have a correct check digit as well, but no issuer.
  return sum % 10 === 0;
}
