// JSON looked at without being parsed: for the few bodies that would cost too much as values (two million brackets in 4 KB of
// gzip parse to 180 MB, 290,000 distinct keys take a quarter of a second). Nothing here allocates but what it returns.

import { LIMITS } from "@behaviour/contract";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const TAB = 0x09;

/** How often a character stands in a text, in strings too: up to one more than `limit`. */
export function countUnits(text: string, character: string, limit: number): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) if (++count > limit) break;
  return count;
}

/** Kinds and members by level; deeper levels are too deep anyway. */
const kindAt = new Uint8Array(LIMITS.depth + 1);
const keysAt = new Uint16Array(LIMITS.depth + 1);

/** Objects and arrays in the value that `brokenLimit` looked at last, as far as it looked. */
export let openingsSeen = 0;

/**
 * Which limit of an event the value breaks first: members of one name count each.
 * @param text valid JSON.
 * @param above levels of the event that the text does not show.
 */
export function brokenLimit(text: string, above: number): "too_deep" | "too_many_properties" | null {
  let depth = above;
  let nodes = 1;
  openingsSeen = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      openingsSeen++;
      if (++depth > LIMITS.depth) return "too_deep";
      const isEmpty = isClosing(text.charCodeAt(skipWhiteSpace(text, at + 1)));
      if (!isEmpty) nodes++;
      kindAt[depth] = unit;
      keysAt[depth] = 1;
    } else if (isClosing(unit)) depth--;
    else if (unit === COMMA) {
      nodes++;
      const keys = kindAt[depth] === OPEN_BRACE ? (keysAt[depth] as number) + 1 : 0;
      if (keys > LIMITS.keysPerObject) return "too_many_properties";
      keysAt[depth] = keys;
    }
    if (nodes > LIMITS.nodesPerEvent) return "too_many_properties";
  }
  return null;
}

function isClosing(unit: number): boolean {
  return unit === CLOSE_BRACE || unit === CLOSE_BRACKET;
}

/** Of the quote that closes the string opened at `start`; the text's end when none does. */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === BACKSLASH) at++;
    else if (unit === QUOTE) return at;
  }
  return text.length - 1;
}

const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const FIRST_PRINTABLE = 0x20;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** By level, whether it is an object's; kept, because megabytes of it a body would be garbage faster than it is collected. */
let isObjectAt = new Uint8Array(1_024);

function deepen(): void {
  const deeper = new Uint8Array(isObjectAt.length * 2);
  deeper.set(isObjectAt);
  isObjectAt = deeper;
}

/** Whether the text is JSON (RFC 8259). Nesting costs a byte a level. */
export function isJson(text: string): boolean {
  let depth = 0;
  let at = skipWhiteSpace(text, 0);
  for (;;) {
    // A value begins here.
    const unit = text.charCodeAt(at);
    if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      const isObject = unit === OPEN_BRACE;
      at = skipWhiteSpace(text, at + 1);
      if (text.charCodeAt(at) !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) {
        if (depth === isObjectAt.length) deepen();
        isObjectAt[depth++] = isObject ? 1 : 0;
        if (isObject && (at = keyEnd(text, at)) < 0) return false;
        continue;
      }
      at++;
    } else {
      const end = unit === QUOTE ? afterString(text, at) : skip(SCALAR, text, at);
      if (end <= at) return false;
      at = end;
    }
    // A value has ended: close what ends with it.
    for (;;) {
      at = skipWhiteSpace(text, at);
      if (depth === 0) return at === text.length;
      const isObject = isObjectAt[depth - 1] === 1;
      const next = text.charCodeAt(at);
      if (next === COMMA) break;
      if (next !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return false;
      depth--;
      at++;
    }
    at = skipWhiteSpace(text, at + 1);
    if (isObjectAt[depth - 1] === 1 && (at = keyEnd(text, at)) < 0) return false;
  }
}

/** Where the value of the member begins whose key stands at `at`; -1 when none does. */
function keyEnd(text: string, at: number): number {
  const end = afterString(text, at);
  if (end < 0) return -1;
  const colon = skipWhiteSpace(text, end);
  return text.charCodeAt(colon) === COLON ? skipWhiteSpace(text, colon + 1) : -1;
}

/** Past the string that begins at `at`; -1 when none does, or none that JSON allows. */
function afterString(text: string, start: number): number {
  if (text.charCodeAt(start) !== QUOTE) return -1;
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    if (unit < FIRST_PRINTABLE) return -1;
    if (unit !== BACKSLASH) continue;
    const end = skip(ESCAPE, text, at);
    if (end === at) return -1;
    at = end - 1;
  }
  return -1;
}

function skipWhiteSpace(text: string, start: number): number {
  for (let at = start; ; at++) {
    const unit = text.charCodeAt(at);
    if (unit !== SPACE && unit !== LINE_FEED && unit !== RETURN && unit !== TAB) return at;
  }
}

/** Where the pattern's match at `at` ends; `at` when it does not match. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
