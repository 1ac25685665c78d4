// Examines JSON text without parsing it, for the few bodies that would cost too much as values (two million brackets in 4 KB of
// gzip parse to 180 MB, 290,000 distinct keys take a quarter of a second). These functions allocate only their results.

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

/** Counts a character in a text, also within strings, up to one more than `limit`. */
export function countUnits(text: string, character: string, limit: number): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) if (++count > limit) break;
  return count;
}

/** Kind and number of members by level. Deeper levels are too deep anyway. */
const kindAt = new Uint8Array(LIMITS.depth + 1);
const keysAt = new Uint16Array(LIMITS.depth + 1);

/** Objects and arrays in the value that `brokenLimit` scanned last, up to where it stopped. */
export let openingsSeen = 0;

/**
 * Which limit of an event the value breaks first. Members with the same name are counted separately.
 * @param text valid JSON.
 * @param above levels of the event outside the text.
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

/** Index of the quote that closes the string opened at `start`; the text's last index if no quote does. */
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

/** Whether each level is an object. Reused, because megabytes for each body would become garbage faster than it is collected. */
let isObjectAt = new Uint8Array(1_024);

function deepen(): void {
  const deeper = new Uint8Array(isObjectAt.length * 2);
  deeper.set(isObjectAt);
  isObjectAt = deeper;
}

/** Whether the text is JSON (RFC 8259). Each level of nesting costs one byte. */
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
    // A value has ended: close the objects and arrays that end with it.
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

/** Start of the value whose key begins at `at`; -1 if no key and colon are there. */
function keyEnd(text: string, at: number): number {
  const end = afterString(text, at);
  if (end < 0) return -1;
  const colon = skipWhiteSpace(text, end);
  return text.charCodeAt(colon) === COLON ? skipWhiteSpace(text, colon + 1) : -1;
}

/** Index after the string that begins at `start`; -1 if no valid JSON string begins there. */
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

/** End of the pattern's match at `at`; `at` if the pattern does not match. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
