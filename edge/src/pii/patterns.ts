// What personal data and secrets look like, class by class. Every pattern runs in linear time (no nested repetition, every
// repetition bounded) and leaves what it wrote alone, so masking twice changes nothing. API.md §3, DESIGN E7.

import { EDGE_PII_CLASSES, type EdgePiiClass } from "@behaviour/contract";
import { mayHoldCard, mayHoldCredential, mayHoldEmail, mayHoldToken } from "./hints.ts";
import { PERSONAL_PARAMETERS } from "./parameters.ts";

export type PiiClass = EdgePiiClass;

/** Local part and domain in any script; `%40` is `@` in a URL. */
const EMAIL = /[\p{L}\p{N}._%+'-]{1,64}(?:@|%40)(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}(?![\p{L}\p{N}])/giu;

/** 13 to 19 digits, plain or in groups. */
const CARD = /(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d)/g;

const TOKENS: readonly RegExp[] = [
  // JSON Web Token: header and payload are base64url of `{"`.
  /eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{4,8192}(?:\.[A-Za-z0-9_-]{0,4096})?/g,
  // AWS access key ids.
  /(?<![A-Za-z0-9])A(?:KIA|SIA)[0-9A-Z]{16}(?![A-Za-z0-9])/g,
  // Google API keys.
  /AIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])/g,
  // Keys of Stripe's form, our own among them.
  /(?<![A-Za-z0-9])[sr]k_(?:live|test)_[0-9A-Za-z]{16,256}/g,
  // GitHub.
  /(?<![A-Za-z0-9])(?:gh[pousr]_[0-9A-Za-z]{36,251}|github_pat_[0-9A-Za-z_]{22,255})/g,
  // Slack.
  /(?<![A-Za-z0-9])xox[abeprs]-[0-9A-Za-z-]{10,250}/g,
  // Private keys in PEM.
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[\s\S]{0,8192}?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$)/g,
];

/** One parameter up to its value's end; the name is looked up in the set above. */
const PARAMETER = /([?&#;])([A-Za-z_-]{2,16})=([^&#;\s"'<>]{1,4096})/g;
/** User-info of a URL. */
const USER_INFO = /([a-z][a-z0-9+.-]{1,15}:\/\/)[^\s/?#@"'<>]{1,512}@/gi;

function mask(piiClass: PiiClass): string {
  return `[${piiClass}]`;
}

const MASKS: ReadonlySet<string> = new Set(EDGE_PII_CLASSES.map(mask));

export interface Redacted {
  text: string;
  /** In the order they were looked for; each once. */
  classes: PiiClass[];
}

/** `a@b.cd`: nothing shorter is looked for. */
const SHORTEST_FIND = 6;

/** @returns null when nothing was found: almost always. */
export function redactText(text: string, allowed: ReadonlySet<PiiClass>): Redacted | null {
  if (text.length < SHORTEST_FIND) return null;
  let classes: PiiClass[] | null = null;
  let redacted = text;
  // Credentials first: what a parameter holds is of the parameter's class, whatever it looks like.
  for (const { piiClass, mayHold, redact } of DETECTORS) {
    if (!mayHold(redacted) || allowed.has(piiClass)) continue;
    const next = redact(redacted);
    if (next === redacted) continue;
    classes = [...(classes ?? []), piiClass];
    redacted = next;
  }
  return classes === null ? null : { text: redacted, classes };
}

interface Detector {
  piiClass: PiiClass;
  /** Never says no to a text in which something would be found. */
  mayHold: (text: string) => boolean;
  redact: (text: string) => string;
}

const DETECTORS: readonly Detector[] = [
  { piiClass: "credential", mayHold: mayHoldCredential, redact: redactCredentials },
  { piiClass: "token", mayHold: mayHoldToken, redact: redactTokens },
  { piiClass: "email", mayHold: mayHoldEmail, redact: (text) => text.replace(EMAIL, mask("email")) },
  { piiClass: "card", mayHold: mayHoldCard, redact: redactCards },
];

function redactCards(text: string): string {
  return text.replace(CARD, (digits, at: number) =>
    isCard(digits) && !isWithinHexId(text, at, digits.length) ? mask("card") : digits,
  );
}

/** A UUID, or a long number in hexadecimal: one UUID in 3,700 has the digits of a card in it. */
const HEX_ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[0-9]*[a-f])[0-9a-f]{24,})$/i;
const HEX_BEFORE = /[0-9a-f-]{0,40}$/i;
const HEX_AFTER = /^[0-9a-f-]{0,40}/i;

function isWithinHexId(text: string, at: number, length: number): boolean {
  const before = HEX_BEFORE.exec(text.slice(Math.max(0, at - 40), at))?.[0] ?? "";
  const after = HEX_AFTER.exec(text.slice(at + length, at + length + 40))?.[0] ?? "";
  return HEX_ID.test(before + text.slice(at, at + length) + after);
}

function redactCredentials(text: string): string {
  return text
    .replace(USER_INFO, "$1")
    .replace(PARAMETER, (whole, before: string, name: string, value: string) =>
      PERSONAL_PARAMETERS.has(name.toLowerCase()) && !MASKS.has(value)
        ? `${before}${name}=${mask("credential")}`
        : whole,
    );
}

function redactTokens(text: string): string {
  return TOKENS.reduce((rest, pattern) => rest.replace(pattern, mask("token")), text);
}

/** Issuer ranges in use, with the lengths each issues. https://en.wikipedia.org/wiki/Payment_card_number */
const ISSUERS: readonly { from: number; to: number; lengths: readonly number[] }[] = [
  { from: 4_000, to: 4_999, lengths: [13, 16, 19] },
  { from: 5_100, to: 5_599, lengths: [16] },
  { from: 2_221, to: 2_720, lengths: [16] },
  { from: 3_400, to: 3_499, lengths: [15] },
  { from: 3_700, to: 3_799, lengths: [15] },
  { from: 3_000, to: 3_059, lengths: [14, 16] },
  { from: 3_600, to: 3_699, lengths: [14, 15, 16] },
  { from: 3_800, to: 3_999, lengths: [14, 16] },
  { from: 3_528, to: 3_589, lengths: [16, 17, 18, 19] },
  { from: 6_011, to: 6_011, lengths: [16, 17, 18, 19] },
  { from: 6_440, to: 6_599, lengths: [16, 17, 18, 19] },
  { from: 6_200, to: 6_299, lengths: [16, 17, 18, 19] },
  { from: 5_000, to: 5_099, lengths: [13, 14, 15, 16, 17, 18, 19] },
  { from: 5_600, to: 6_999, lengths: [16, 17, 18, 19] },
];

/** A number a card can have: an issuer's range and length, and Luhn's check digit. */
export function isCard(text: string): boolean {
  const digits = text.replace(/[ -]/g, "");
  const issuer = Number(digits.slice(0, 4));
  const known = ISSUERS.some(
    ({ from, to, lengths }) => issuer >= from && issuer <= to && lengths.includes(digits.length),
  );
  return known && passesLuhn(digits);
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    if (i % 2 === 1) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 === 0;
}
