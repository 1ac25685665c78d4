// Removes advertising click ids where consent does not cover advertising (outcomes `restricted` and stricter), and names their
// owners. The edge removes them before the first write. The processor removes them again from rows of an older release. The
// parameters are listed in click-id-list.ts. docs/API_DOCUMENTATION.md#consent.

import { ADVERTISING_KEYS, CLICK_IDS } from "./click-id-list.ts";
import { isObject, type JsonObject } from "./event.ts";
import { escapeAt, type PlainText, plainText, replaceRanges } from "./percent.ts";

const NAME_MAX = Math.max(...[...CLICK_IDS.keys()].map((name) => name.length));
const NAME_MIN = Math.min(...[...CLICK_IDS.keys()].map((name) => name.length));

/** Whether a member of this name holds a click id or an advertising id. */
export function isAdvertisingKey(key: string): boolean {
  return ADVERTISING_KEYS.has(key.toLowerCase());
}

/** The owner of the first click id of an advertisement in a URL's query, or null. */
export function clickIdSource(url: string): string | null {
  const query = url.indexOf("?");
  if (query < 0) return null;
  const hash = url.indexOf("#", query);
  const end = hash < 0 ? url.length : hash;
  for (let at = query + 1; at < end; ) {
    const separator = url.indexOf("&", at);
    const next = separator < 0 || separator > end ? end : separator;
    const equals = url.indexOf("=", at);
    if (equals < 0) return null;
    if (equals < next - 1 && equals - at <= NAME_MAX) {
      const clickId = CLICK_IDS.get(url.slice(at, equals).toLowerCase());
      if (clickId?.isPaid === true) return clickId.owner;
    }
    at = next + 1;
  }
  return null;
}

/**
 * Removes click-id parameters from a text at any depth of encoding, because addresses nest in parameters. The text after a
 * parameter moves up. At the end of the text the separator before it is removed as well.
 */
export function stripClickIdText(text: string): string {
  if (!mayHoldClickId(text)) return text;
  const plain = plainText(text);
  const ranges = findClickIds(plain);
  return ranges.length === 0 ? text : replaceRanges(text, plain, ranges);
}

const EQUALS = 0x3d;
const AMPERSAND = 0x26;
const HASH = 0x23;
const SEMICOLON = 0x3b;
const QUESTION = 0x3f;

function mayHoldClickId(text: string): boolean {
  for (let at = text.indexOf("="); at >= 0; at = text.indexOf("=", at + 1)) {
    if (startOfClickId(text, at) !== null || text.charCodeAt(at - NAME_MIN) === PERCENT) return true;
  }
  for (let at = text.indexOf("%"); at >= 0; at = text.indexOf("%", at + 1)) {
    const unit = escapeAt(text, at)?.unit;
    // An equals sign, or a character that needs no encoding and could be part of a name.
    if (unit !== undefined && (unit === EQUALS || isNameUnit(unit))) return true;
  }
  return false;
}

const PERCENT = 0x25;

/** Letters, digits and underscores. */
function isNameUnit(unit: number): boolean {
  const lower = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (lower >= 0x61 && lower <= 0x7a) || unit === 0x5f;
}

/** The start of the click id's name that ends at `end`, or null if no such name ends there. */
function startOfClickId(plain: string, end: number): number | null {
  let start = end;
  while (start > 0 && end - start <= NAME_MAX && isNameUnit(plain.charCodeAt(start - 1))) start--;
  const length = end - start;
  if (length < NAME_MIN || length > NAME_MAX) return null;
  return CLICK_IDS.has(plain.slice(start, end).toLowerCase()) ? start : null;
}

interface Range {
  start: number;
  end: number;
  by: string;
}

/** The range of each click id, with the separator after it. Without a separator after it, the range has the one before it. */
function findClickIds({ plain, depths }: PlainText): Range[] {
  const depthAt = (at: number) => depths?.[at] ?? 0;
  const ranges: Range[] = [];
  for (let equals = plain.indexOf("="); equals >= 0; ) {
    const next = equals + 1;
    const start = startOfClickId(plain, equals);
    const last = ranges.at(-1);
    if (start === null || !isSeparator(plain.charCodeAt(start - 1)) || (last !== undefined && start < last.end)) {
      equals = plain.indexOf("=", next);
      continue;
    }
    const depth = Math.max(depthAt(start - 1), depthAt(equals));
    let end = next;
    while (end < plain.length && !(depthAt(end) <= depth && endsValue(plain.charCodeAt(end)))) end++;
    const isFollowed = plain.charCodeAt(end) === AMPERSAND;
    // The range of a click id directly before this one already holds the separator.
    const range = last !== undefined && last.end === start ? last : { start, end, by: "" };
    if (range !== last) ranges.push(range);
    range.end = isFollowed ? end + 1 : end;
    if (!isFollowed) range.start--;
    equals = plain.indexOf("=", end);
  }
  return ranges;
}

function isSeparator(unit: number): boolean {
  return unit === QUESTION || unit === AMPERSAND || unit === HASH || unit === SEMICOLON;
}

/** NaN, which stands for the end of the text, does not end a value. */
function endsValue(unit: number): boolean {
  return unit === AMPERSAND || unit === HASH || unit === SEMICOLON || unit <= 0x20 || unit === 0xa0;
}

/** A copy of `object` without click ids at any depth, or the same object if it has none. Nothing is changed in place. */
export function stripClickIds(object: JsonObject): JsonObject {
  let copy: JsonObject | undefined;
  for (const key in object) {
    if (isAdvertisingKey(key)) {
      copy ??= { ...object };
      delete copy[key];
      continue;
    }
    const value = object[key];
    const stripped = stripValue(value);
    if (stripped !== value) {
      copy ??= { ...object };
      copy[key] = stripped;
    }
  }
  return copy ?? object;
}

function stripValue(value: unknown): unknown {
  if (typeof value === "string") return stripClickIdText(value);
  if (typeof value !== "object" || value === null) return value;
  if (!Array.isArray(value)) return stripClickIds(value as JsonObject);
  const stripped = value.map(stripValue);
  return stripped.some((item, index) => item !== value[index]) ? stripped : value;
}

/**
 * `context` without advertising ids. In Segment's spec `context.referrer` is `{id, type}`, the id of an ad network's click.
 */
export function stripContext(context: JsonObject): JsonObject {
  const stripped = stripClickIds(context);
  const { referrer } = stripped;
  if (!isObject(referrer) || !("id" in referrer)) return stripped;
  const { id: _clickId, ...kept } = referrer;
  return { ...stripped, referrer: kept };
}
