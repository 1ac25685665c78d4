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

/** The client's own ids and its key, anywhere in JSON text. The surrogate identifies the person instead. */
const NAMED_ID =
  /"(userId|anonymousId|groupId|previousId|user_id|anonymous_id|writeKey)"(\s{0,8}):(\s{0,8})(?:"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*)/g;

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

/**
 * Masks every text in the event's traits, because names and addresses have no pattern. Numbers, flags and the structure stay,
 * because most rules of a plan concern them. The patterns of `maskPlainText` are applied later, to the event as text.
 */
export function withoutTraits(event: Record<string, unknown>): Record<string, unknown> {
  const shown = { ...event };
  if ("traits" in shown) shown["traits"] = masked(shown["traits"]);
  const { context } = shown;
  if (isObject(context) && "traits" in context) shown["context"] = { ...context, traits: masked(context["traits"]) };
  return shown;
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
