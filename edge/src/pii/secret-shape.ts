// Decides whether a value looks like a secret. A name with several meanings (`session`, `code`, `pass`) needs such a value
// before it is masked. Words, dates, versions, coupon codes and numbers do not look like a secret. A text that a program chose
// at random does. Only the beginning of the value is read, so that the cost is bounded.

import type { ValueShape } from "./parameter-names.ts";
import { isAlphanumeric, isDigit, isLower, isUpper } from "./units.ts";

const LOOKED_AT = 64;

export function hasShape(value: string, shape: ValueShape): boolean {
  const text = value.length > LOOKED_AT ? value.slice(0, LOOKED_AT) : value;
  switch (shape) {
    case "any":
      return true;
    case "secret":
      return looksRandom(text);
    case "password":
      return looksRandom(text) || looksLikePassword(text);
    case "digits":
      return (isDigits(text) && text.length >= CODE_DIGITS_MIN && text.length <= CODE_DIGITS_MAX) || looksRandom(text);
    case "phone":
      return countDigits(text) >= PHONE_DIGITS_MIN && isPhoneText(text);
    case "address":
      return text.includes("@");
  }
}

/** A card's security code, a PIN, a one-time password. */
const CODE_DIGITS_MIN = 3;
const CODE_DIGITS_MAX = 10;
const PHONE_DIGITS_MIN = 7;

/** A run of letters and digits of this length is not a word, if it mixes them as at random. */
const RANDOM_MIN = 16;
/** The same for a run of hexadecimal digits only. */
const HEX_MIN = 12;
const HEX_MIXED_MIN = 3;
const SWITCHES_SHARE = 0.3;

/** A run of the text is hexadecimal or base64 as a program writes it. Dashes separate runs only in the groups of a UUID. */
function looksRandom(text: string): boolean {
  if (isUuid(text)) return true;
  for (let at = 0; at < text.length; ) {
    if (!isAlphanumeric(text.charCodeAt(at))) {
      at++;
      continue;
    }
    const run = runAt(text, at);
    if (run.length >= HEX_MIN && run.isHex && run.digits > 0 && run.letters > 0 && run.switches >= HEX_MIXED_MIN)
      return true;
    if (run.length >= RANDOM_MIN && run.letters > 0 && run.switches / run.length >= SWITCHES_SHARE) return true;
    at += run.length;
  }
  return false;
}

interface Run {
  length: number;
  digits: number;
  letters: number;
  isHex: boolean;
  /** Changes between digit, capital and small letter. A capital that begins a word counts once with its word. */
  switches: number;
}

const DIGIT = 1;
const CAPITAL = 2;
const SMALL = 3;

function runAt(text: string, start: number): Run {
  const run: Run = { length: 0, digits: 0, letters: 0, isHex: true, switches: 0 };
  let kindBefore = 0;
  let beganWord = false;
  for (let at = start; at < text.length && isAlphanumeric(text.charCodeAt(at)); at++) {
    const unit = text.charCodeAt(at);
    const kind = isDigit(unit) ? DIGIT : isUpper(unit) ? CAPITAL : SMALL;
    run.length++;
    if (kind === DIGIT) run.digits++;
    else run.letters++;
    if (kind !== DIGIT && (unit | 0x20) > 0x66) run.isHex = false;
    if (kindBefore !== 0 && kind !== kindBefore && !(kind === SMALL && beganWord)) run.switches++;
    beganWord = kind === CAPITAL && kindBefore !== CAPITAL && kindBefore !== DIGIT;
    kindBefore = kind;
  }
  return run;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_CHARS = 36;

function isUuid(text: string): boolean {
  return text.length === UUID_CHARS && UUID.test(text);
}

const PASSWORD_MIN = 8;

/** Eight or more characters of at least three kinds: small letters, capitals, digits and signs. */
function looksLikePassword(text: string): boolean {
  if (text.length < PASSWORD_MIN) return false;
  let kinds = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (isDigit(unit)) kinds |= 1;
    else if (isUpper(unit)) kinds |= 2;
    else if (isLower(unit)) kinds |= 4;
    else if (!WORD_JOINERS.includes(text[at] as string)) kinds |= 8;
  }
  return (kinds & 1) + ((kinds >> 1) & 1) + ((kinds >> 2) & 1) + (kinds >> 3) >= 3;
}

/** Signs that also join words. */
const WORD_JOINERS = "-_.+ %/:,[]";

function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isDigit(text.charCodeAt(at))) return false;
  return true;
}

function countDigits(text: string): number {
  let digits = 0;
  for (let at = 0; at < text.length; at++) if (isDigit(text.charCodeAt(at))) digits++;
  return digits;
}

function isPhoneText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if (!isDigit(text.charCodeAt(at)) && !"+-(). /".includes(text[at] as string)) return false;
  }
  return true;
}
