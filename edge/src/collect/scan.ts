// The fast look at one parsed event: counts what has limits and notices what needs the slow look (repair.ts). One pass, no
// allocation: this runs for every event, and almost all of them are clean.

import { LIMITS } from "@behaviour/contract";
import { mayHoldCard } from "../pii/hints.ts";
import { mayBeAddress } from "./addresses.ts";

/** What a scan found, as bits. */
export const FOUND = {
  tooDeep: 1,
  tooManyKeys: 2,
  tooManyNodes: 4,
  /** A string, key or number that is stored otherwise than it was sent. */
  needsRepair: 8,
  /** A number whose text has to be looked up in the body. */
  unsafeNumber: 16,
  /** A string or key with digits enough for a card number; ids and times aside, which may be all digits. */
  longNumber: 32,
  /** A string that begins like an IP address. */
  address: 64,
} as const;

/** What only an escape can bring into JSON text: control characters and lone surrogates. */
const ESCAPED = /\\[ubf]/;

/** True when strings and keys of this body must be looked at one by one. */
export function textNeedsCare(text: string): boolean {
  return text.includes("\\") && ESCAPED.test(text);
}

/** Ids and times stand here. */
const FIELD_DEPTH = 2;
const IDS_AND_TIMES: ReadonlySet<string> = new Set([
  "messageId",
  "userId",
  "anonymousId",
  "groupId",
  "previousId",
  "timestamp",
  "originalTimestamp",
  "sentAt",
]);
/** Shorter keys hold no card number. */
const SHORT_KEY = 12;

let nodes = 0;
let found = 0;
let size = 0;
let careful = false;

export interface Scan {
  /** Bits of `FOUND`. */
  found: number;
  /** A lower bound of the event's text: its compact form with one digit a number, in UTF-16 units. */
  size: number;
}

const outcome: Scan = { found: 0, size: 0 };

/** `care`: see `textNeedsCare`. The returned object is reused by the next scan. */
export function scan(event: object, care: boolean): Scan {
  nodes = 0;
  found = 0;
  size = 0;
  careful = care;
  visit(event, 1);
  if (nodes > LIMITS.nodesPerEvent) found |= FOUND.tooManyNodes;
  outcome.found = found;
  outcome.size = size;
  return outcome;
}

function visit(value: unknown, depth: number): void {
  nodes++;
  switch (typeof value) {
    case "string":
      size += value.length + 3;
      if (value.length > LIMITS.stringLength || (careful && !isCleanText(value))) found |= FOUND.needsRepair;
      if (depth > FIELD_DEPTH && mayHoldCard(value)) found |= FOUND.longNumber;
      if (mayBeAddress(value)) found |= FOUND.address;
      return;
    case "number":
      size += 2;
      // Also true for Infinity, which is what `1e400` parses to.
      if (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER) {
        found |= FOUND.needsRepair | FOUND.unsafeNumber;
      }
      return;
    case "object":
      if (value === null) size += 5;
      else if (depth > LIMITS.depth) found |= FOUND.tooDeep;
      else if (Array.isArray(value)) visitArray(value, depth);
      else visitObject(value as Record<string, unknown>, depth);
      return;
    default:
      size += 5;
  }
}

function visitArray(array: readonly unknown[], depth: number): void {
  size += 3;
  for (let i = 0; i < array.length; i++) {
    if (nodes > LIMITS.nodesPerEvent) return;
    visit(array[i], depth + 1);
  }
}

function visitObject(object: Record<string, unknown>, depth: number): void {
  size += 3;
  let keys = 0;
  for (const key in object) {
    if (++keys > LIMITS.keysPerObject) {
      found |= FOUND.tooManyKeys;
      return;
    }
    if (nodes > LIMITS.nodesPerEvent) return;
    size += key.length + 3;
    if (key.length === 0 || key.length > LIMITS.keyLength || key === "__proto__" || (careful && !isCleanText(key))) {
      found |= FOUND.needsRepair;
    }
    if (key.length > SHORT_KEY && mayHoldCard(key)) found |= FOUND.longNumber;
    const value = object[key];
    // The event's own fields: unknown ones are texts like those below.
    if (depth === 1 && typeof value === "string" && mayHoldCard(value) && !IDS_AND_TIMES.has(key)) {
      found |= FOUND.longNumber;
    }
    visit(value, depth + 1);
  }
}

/** C0 control characters save tab, LF and CR; none of them has a place in a text, and NUL voids a Postgres batch. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}

const FIRST_INK = 0x21;
const LAST_INK = 0x7e;
/** White space, what is never drawn (zero-width characters, fillers) and Braille's empty cell. */
const BLANK = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]+$/u;

/** A text of blanks alone: nobody's id, and no name. The empty text is not one. */
export function isBlank(text: string): boolean {
  const first = text.charCodeAt(0);
  return !(first >= FIRST_INK && first <= LAST_INK) && BLANK.test(text);
}

function isCleanText(text: string): boolean {
  return text.isWellFormed() && !CONTROL.test(text);
}
