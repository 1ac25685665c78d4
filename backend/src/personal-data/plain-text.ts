// Masks the minimum in a failed event's payload before it is stored for people to read. The edge has already masked what it
// found in the strings that it could parse. This code is for lines that nothing could parse, so it works on plain text. Every
// pattern is linear: a look-behind lets a match begin only at the beginning of a run of its characters.

import { isObject } from "@behaviour/contract";
import { maskText } from "./mask.ts";

const EMAIL = /(?<![\w.%+-])[\w.%+-]+(?:@|%40|\\u0040)(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}/g;
const JWT = /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*/g;
const BEARER = /\b(bearer|basic)(\s{1,4})[\w.~+/=-]{8,}/gi;
const SECRET_KEY = /\bsk_(?:live|test)_[0-9A-Za-z]{36}/g;
/** 13 to 19 digits that begin with a card network's digit. The checksum excludes times in milliseconds and most other numbers. */
const CARD = /(?<![\d.])[2-6](?:[ -]?\d){12,18}(?!\.?\d)/g;

/**
 * The client's own ids and its key, anywhere in JSON text. The surrogate identifies the person instead. An id may be cut at the end
 * of the text.
 */
const NAMED_ID =
  /"(userId|anonymousId|groupId|previousId|user_id|anonymous_id|writeKey)"(\s{0,8}):(\s{0,8})(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|-?\d[\d.eE+-]*)/g;

export function maskPlainText(text: string): string {
  let masked = text.includes("Id") || text.includes("_id") || text.includes("writeKey") ? maskIds(text) : text;
  if (masked.includes("@") || masked.includes("%40") || masked.includes("\\u0040")) {
    masked = masked.replace(EMAIL, "[email]");
  }
  if (masked.includes("eyJ")) masked = masked.replace(JWT, "[token]");
  if (masked.includes("sk_")) masked = masked.replace(SECRET_KEY, "[token]");
  masked = masked.replace(BEARER, "$1$2[token]");
  // The processor's own classes too, as far as they can be found without field names.
  return maskText(masked.replace(CARD, (run) => (passesLuhn(run) ? "[card]" : run)));
}

function maskIds(text: string): string {
  return text.replace(NAMED_ID, '"$1"$2:$3"[id]"');
}

/** More than the longest text that a pattern finds. */
const MARGIN_CHARS = 16_384;

/**
 * Masks a text and cuts it, in this order: a text that is cut first may end within an address, which no pattern recognizes then.
 * Only the beginning is masked, so that the cost is bounded.
 */
export function maskedStart(text: string, charsMax: number): string {
  const read = text.length <= charsMax + MARGIN_CHARS ? text : withoutPartAtEnd(text.slice(0, charsMax + MARGIN_CHARS));
  return maskPlainText(read.toWellFormed()).slice(0, charsMax).toWellFormed();
}

const DIVIDERS = new Set('",{}[]\n');

/** Removes the end of a text that was cut, back to a character that no pattern matches. Masking may move the end into view. */
function withoutPartAtEnd(text: string): string {
  let end = text.length;
  while (end > text.length - MARGIN_CHARS && !DIVIDERS.has(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/**
 * Masks every text in traits at any level, because names and addresses have no pattern. Numbers, flags and the structure stay,
 * because most rules of a plan concern them. The patterns of `maskPlainText` are applied later, to the value as text.
 */
export function withoutTraits(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTraits);
  if (!isObject(value)) return value;
  const shown = Object.entries(value).map(([key, item]) => [
    key,
    key === "traits" ? masked(item) : withoutTraits(item),
  ]);
  return Object.fromEntries(shown);
}

const NAME = /"([A-Za-z_]\w{0,40})"\s{0,8}:/g;
const NAMES_MAX = 50;

/**
 * Describes a text that is not JSON by its length and the names in it. Its values are not shown: without its structure a name or an
 * address in it cannot be recognized.
 */
export function describeText(text: string): string {
  const names = new Set<string>();
  for (const [, name = ""] of text.matchAll(NAME)) {
    names.add(name);
    if (names.size === NAMES_MAX) break;
  }
  return `${text.length} characters that are not JSON; names: ${[...names].join(", ")}`;
}

function masked(value: unknown): unknown {
  if (typeof value === "string") return `[text of ${value.length} characters]`;
  if (Array.isArray(value)) return value.map(masked);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item)]));
}

const DESCRIBED_MAX_CHARS = 120;

/** Describes one value in a few words that are safe to show. @param personal the text is about a person, whatever it says */
export function describeValue(value: unknown, { personal = false }: { personal?: boolean } = {}): string {
  if (value === undefined) return "absent";
  if (Array.isArray(value)) return `array of ${value.length}`;
  if (isObject(value)) return `object of ${Object.keys(value).length}`;
  if (typeof value === "string" && personal) return `text of ${value.length} characters`;
  const text = maskPlainText(JSON.stringify(value) ?? "");
  return text.length <= DESCRIBED_MAX_CHARS ? text : `${text.slice(0, DESCRIBED_MAX_CHARS).toWellFormed()}…`;
}

function passesLuhn(run: string): boolean {
  let sum = 0;
  let doubled = false;
  for (let i = run.length - 1; i >= 0; i--) {
    const digit = run.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) continue;
    const value = doubled ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
    doubled = !doubled;
  }
  return sum % 10 === 0;
}
