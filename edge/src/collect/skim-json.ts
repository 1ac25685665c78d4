// The scanner of the fast lane (skim.ts) walks JSON in bytes without creating values, and notes features that prevent storing an
// event as it was sent. The scanner is as strict as JSON: input that it walks to the end is JSON. Its state is in variables of
// the module, as in scan.ts: no code here awaits, so only one walk runs at a time.

import { LIMITS } from "@behaviour/contract";
import { CARD_DIGITS_MIN } from "../pii/card.ts";
import { ALL_PII, NO_PII, PII } from "../pii/classes.ts";
import { textMayHold } from "../pii/hints.ts";
import { cutsAddress, mayBeAddress } from "./addresses.ts";
import { HINTS, isHint } from "./skim-hints.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;
const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;

/** The meaning of a byte within a string; 0 for almost all bytes. */
const KIND = new Uint8Array(256);
const END = 1;
const ESCAPE = 2;
const CONTROL = 3;
/** Personal data may be around this byte, which is one of the rare characters of pii/hints.ts. */
const HINT = 4;
KIND.fill(CONTROL, 0, SPACE);
KIND[QUOTE] = END;
KIND[BACKSLASH] = ESCAPE;
for (const hint of HINTS) KIND[hint.charCodeAt(0)] = HINT;

/**
 * The body in progress, followed by a zero, which no JSON has: so no step has to check for the end. All bodies share one array,
 * because its location is then constant for the engine. It has room for the largest body, because large bodies benefit the most:
 * values take several times the memory of their text.
 */
const bytes = new Uint8Array(LIMITS.bodyBytes + 1);
/** The whole text if each character is one byte; else null. */
let ascii: string | null = null;

/** Range of the string that was walked last, without its quotes. */
export let stringStart = 0;
export let stringEnd = 0;
/** Whether the values since `beginEvent` can be stored as they are. */
export let isOrdinary = true;
/** Notes on the string that was walked last: `ESCAPED`, and `HINTED` if it may hold personal data. */
let notes = 0;
const ESCAPED = 1;
const HINTED = 2;
/** Number of values in the event, and number of objects and arrays among them. */
export let nodes = 0;
export let openings = 0;

/** Returned by a walk instead of a position if the expected JSON is not there. */
export const BROKEN = -1;

/** @param wholeText the same bytes decoded */
export function begin(source: Uint8Array, wholeText: string): void {
  bytes.set(source);
  bytes[source.byteLength] = 0;
  ascii = wholeText.length === source.byteLength ? wholeText : null;
}

/** Releases the text, which must not be kept in memory until the next walk. */
export function end(): void {
  ascii = null;
}

/** A byte order mark that begins a text is one of its characters. */
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** The text of a range of the bytes. */
export function slice(start: number, endAt: number): string {
  return ascii === null ? decoder.decode(bytes.subarray(start, endAt)) : ascii.slice(start, endAt);
}

export function beginEvent(): void {
  isOrdinary = true;
  nodes = 1;
  openings = 0;
}

/** Counts a value that `walkValue` does not see. */
export function countValue(): void {
  nodes++;
}

export function markUnusual(): void {
  isOrdinary = false;
}

/** 0 at the end. */
export function byteAt(at: number): number {
  return bytes[at] as number;
}

/** @returns the position after white space. */
export function skip(from: number): number {
  let at = from;
  while ((bytes[at] as number) <= SPACE && isWhiteSpace(bytes[at] as number)) at++;
  return at;
}

function isWhiteSpace(byte: number): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Walks the string whose opening quote is at `from`. */
export function walkString(from: number): number {
  // Copied into local variables, because the engine cannot know that the module's variables never change.
  const source = bytes;
  const kinds = KIND;
  if (source[from] !== QUOTE) return BROKEN;
  let at = from + 1;
  stringStart = at;
  notes = 0;
  for (;;) {
    let kind = kinds[source[at] as number];
    while (kind === 0) kind = kinds[source[++at] as number];
    if (kind === END) {
      stringEnd = at;
      return at + 1;
    }
    if (kind === HINT) {
      if ((notes & HINTED) === 0 && isHint(source, at, ascii)) notes |= HINTED;
    } else if (kind === ESCAPE && source[at + 1] !== 0) {
      // The parser checks whether the escape is valid JSON.
      notes |= ESCAPED;
      at++;
    } else {
      return BROKEN;
    }
    at++;
  }
}

/** Marks the event as unusual if the last string can hold data that is masked. `isTime`: its digits are not a card number. */
export function lookForPersonalData(isTime = false): void {
  if (!isOrdinary) return;
  const mayHoldCard = !isTime && stringEnd - stringStart >= CARD_DIGITS_MIN && hasCardDigits();
  if (notes === 0 && !mayHoldCard) return;
  const bits = mayHoldCard ? ALL_PII : ALL_PII & ~PII.card;
  if (textMayHold(slice(stringStart, stringEnd), bits) !== NO_PII) isOrdinary = false;
}

/** Marks the event as unusual if its last string is not stored as it is. @returns the string's length in bytes */
export function checkText(limit: number): number {
  const size = stringEnd - stringStart;
  // A text never has fewer bytes than UTF-16 units.
  if ((notes & ESCAPED) !== 0 || size > limit) isOrdinary = false;
  return size;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

/** The characters of a card number, except for escapes, which are found by their `%`. */
const OF_CARD = new Uint8Array(256).fill(1, ZERO, NINE + 1);
for (const separator of [SPACE, DASH, PLUS]) OF_CARD[separator] = 1;

/** As in pii/hints.ts: the steps are as long as the shortest card number, so no run of that many digits is missed. */
function hasCardDigits(): boolean {
  const last = stringEnd;
  const source = bytes;
  const ofCard = OF_CARD;
  for (let i = stringStart + CARD_DIGITS_MIN - 1; i < last; i += CARD_DIGITS_MIN) {
    if (ofCard[source[i] as number] === 0) continue;
    let start = i;
    // The quotes end the run on both sides.
    while (ofCard[source[start - 1] as number] === 1) start--;
    let digits = 0;
    let stop = start;
    for (; ofCard[source[stop] as number] === 1; stop++) if (isDigit(source[stop] as number)) digits++;
    if (digits >= CARD_DIGITS_MIN) return true;
    i = Math.max(i, stop);
  }
  return false;
}

/** Walks any value below an event's own fields. A value that is too deep is broken too. */
export function walkValue(from: number, depth: number, keyStart: number, keyEnd: number): number {
  nodes++;
  switch (byteAt(from)) {
    case QUOTE:
      return walkText(from, keyStart, keyEnd);
    case OPEN_BRACE:
      return walkObject(from, depth, false);
    case OPEN_BRACKET:
      return walkArray(from, depth, keyStart, keyEnd);
    case 0x74:
      return walkWord(from, "true");
    case 0x66:
      return walkWord(from, "false");
    case 0x6e:
      return walkWord(from, "null");
    default:
      return walkNumber(from);
  }
}

/** Walks a text, and marks the event as unusual if the text cannot be stored as it is. */
function walkText(from: number, keyStart: number, keyEnd: number): number {
  const at = walkString(from);
  if (at === BROKEN || !isOrdinary) return at;
  const size = stringEnd - stringStart;
  if (size < SHORTEST_FIND && notes === 0) return at;
  checkText(LIMITS.stringLength);
  lookForPersonalData();
  lookForAddress(keyStart, keyEnd);
  return at;
}

/** `::1` */
const SHORTEST_FIND = 3;
/** The characters that an address can begin with. Almost every text begins with another character. */
const ADDRESS_BEGINS = new Uint8Array(256).fill(1, ZERO, NINE + 1);
for (const first of ":[abcdefABCDEF") ADDRESS_BEGINS[first.charCodeAt(0)] = 1;

/** Marks the event as unusual if the last string is an address that is cut under the key of this range. */
export function lookForAddress(keyStart: number, keyEnd: number): void {
  if (ADDRESS_BEGINS[bytes[stringStart] as number] === 0 || !isOrdinary) return;
  const text = slice(stringStart, stringEnd);
  if (mayBeAddress(text) && cutsAddress(text, slice(keyStart, keyEnd))) isOrdinary = false;
}

function walkArray(from: number, depth: number, keyStart: number, keyEnd: number): number {
  if (depth > LIMITS.depth) return BROKEN;
  openings++;
  let at = skip(from + 1);
  if (byteAt(at) === CLOSE_BRACKET) return at + 1;
  for (;;) {
    at = walkValue(at, depth + 1, keyStart, keyEnd);
    if (at === BROKEN) return BROKEN;
    at = skip(at);
    const next = byteAt(at);
    if (next === CLOSE_BRACKET) return at + 1;
    if (next !== COMMA) return BROKEN;
    at = skip(at + 1);
  }
}

/**
 * Almost all members of an event are short keys and texts that need no check. They are walked here without further calls.
 * @param isContext the object is the event's `context`: decisions depend on its consent and its address
 */
export function walkObject(from: number, depth: number, isContext: boolean): number {
  if (depth > LIMITS.depth) return BROKEN;
  openings++;
  const source = bytes;
  let at = skip(from + 1);
  if (source[at] === CLOSE_BRACE) return at + 1;
  for (let keys = 1; ; keys++) {
    const keyEnd = plainEnd(source, at, LONG_KEY);
    if (keyEnd !== BROKEN && source[keyEnd + 1] === COLON && !(isContext && keyEnd - at <= LONGEST_DECIDED_KEY)) {
      const value = keyEnd + 2;
      const valueEnd =
        ADDRESS_BEGINS[source[value + 1] as number] === 1 ? BROKEN : plainEnd(source, value, CARD_DIGITS_MIN);
      if (valueEnd !== BROKEN && ++nodes <= LIMITS.nodesPerEvent) at = valueEnd + 1;
      else at = walkValue(value, depth + 1, at + 1, keyEnd);
    } else {
      at = walkKey(at);
      if (at === BROKEN) return BROKEN;
      if (isContext && (keyIs("consent") || keyIs("ip"))) isOrdinary = false;
      at = walkValue(at, depth + 1, stringStart, stringEnd);
    }
    if (at === BROKEN) return BROKEN;
    if (keys > LIMITS.keysPerObject) isOrdinary = false;
    if (source[at] !== COMMA) {
      at = skip(at);
      if (source[at] === CLOSE_BRACE) return at + 1;
      if (source[at] !== COMMA) return BROKEN;
    }
    at++;
    if (source[at] !== QUOTE) at = skip(at);
  }
}

/** `consent`, with its first quote. */
const LONGEST_DECIDED_KEY = 8;

/** Position of the closing quote of the string at `from`, if it is not empty, shorter than `limit` and needs no check. */
function plainEnd(source: Uint8Array, from: number, limit: number): number {
  if (source[from] !== QUOTE) return BROKEN;
  const kinds = KIND;
  let at = from + 1;
  while (kinds[source[at] as number] === 0) at++;
  const size = at - from - 1;
  return source[at] === QUOTE && size > 0 && size < limit && size !== PROTO.length ? at : BROKEN;
}

/** Walks a key and its colon. @returns where the key's value begins */
export function walkKey(from: number): number {
  const at = walkString(from);
  if (at === BROKEN) return BROKEN;
  const colon = skip(at);
  if (byteAt(colon) !== COLON) return BROKEN;
  const size = stringEnd - stringStart;
  if (notes !== 0 || size >= LONG_KEY || size === 0 || (size === PROTO.length && keyIs(PROTO))) checkKey();
  return skip(colon + 1);
}

const PROTO = "__proto__";
/** Shorter keys cannot hold a card number. */
const LONG_KEY = CARD_DIGITS_MIN;

function checkKey(): void {
  const size = checkText(LIMITS.keyLength);
  if (size === 0 || keyIs(PROTO)) isOrdinary = false;
  lookForPersonalData();
}

/** Whether the last string equals `name`, which is ASCII. */
export function keyIs(name: string): boolean {
  if (stringEnd - stringStart !== name.length) return false;
  return rangeIs(stringStart, name);
}

function rangeIs(start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (byteAt(start + i) !== text.charCodeAt(i)) return false;
  return true;
}

export function walkWord(from: number, word: string): number {
  return rangeIs(from, word) ? from + word.length : BROKEN;
}

const LOWER_E = 0x65;
/** A double represents every integer of this many digits exactly. */
const SAFE_DIGITS = 15;

function walkNumber(from: number): number {
  const start = byteAt(from) === DASH ? from + 1 : from;
  let at = digitsEnd(start);
  const digits = at - start;
  if (digits === 0 || (digits > 1 && byteAt(start) === ZERO)) return BROKEN;
  if (digits > SAFE_DIGITS) isOrdinary = false;
  if (byteAt(at) === DOT) {
    const fraction = at + 1;
    at = digitsEnd(fraction);
    if (at === fraction) return BROKEN;
  }
  return (byteAt(at) | 0x20) === LOWER_E ? walkExponent(at + 1) : at;
}

/** An exponent is rare, and the number may be larger than any double. */
function walkExponent(from: number): number {
  isOrdinary = false;
  const start = byteAt(from) === DASH || byteAt(from) === PLUS ? from + 1 : from;
  const at = digitsEnd(start);
  return at === start ? BROKEN : at;
}

function digitsEnd(from: number): number {
  let at = from;
  while (isDigit(bytes[at] as number)) at++;
  return at;
}
