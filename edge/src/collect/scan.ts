// Scans one parsed event: counts features that have limits, and notes features that need a repair (repair.ts). The scan is one
// pass without allocation, because it runs for every parsed event, and almost all events are clean.

import { hasControl, LIMITS } from "@behaviour/contract";
import { NO_PII, PII } from "../pii/classes.ts";
import { textMayHold } from "../pii/hints.ts";
import { NOT_LOOKED_AT } from "../pii/redact.ts";
import { mayBeAddress } from "./addresses.ts";

/** What a scan found, as bits. */
export const FOUND = {
  tooDeep: 1,
  tooManyKeys: 2,
  tooManyNodes: 4,
  /** A string, key or number that is not stored as it was sent. */
  needsRepair: 8,
  /** A number whose text has to be looked up in the body. */
  unsafeNumber: 16,
  /** A string that begins like an IP address. */
  address: 32,
} as const;

/** Escapes that can produce control characters or lone surrogates. JSON text cannot hold these in another way. */
const ESCAPED = /\\[ubf]/;

/** True if the strings and keys of this body must be checked one by one. */
export function textNeedsCare(text: string): boolean {
  return text.includes("\\") && ESCAPED.test(text);
}

/** Depth of the values of the event's own fields. */
const FIELD_DEPTH = 2;
/** Fields whose texts may be all digits without being a card number. */
const TIMES: ReadonlySet<string> = new Set(["timestamp", "originalTimestamp", "sentAt"]);
/** Shorter keys hold no personal data: `a@b.cd`. */
const SHORT_KEY = 6;

let nodes = 0;
let found = 0;
let size = 0;
let careful = false;
let mayHold = NO_PII;
/** Classes of personal data that are still searched for, because they were not found yet. */
let sought = NO_PII;

export interface Scan {
  /** Bits of `FOUND`. */
  found: number;
  /** A lower bound of the size of the event's text: its compact form with one digit per number, in UTF-16 units. */
  size: number;
  /** Classes of personal data that a string or key of the event can hold, except for ids (pii/classes.ts). */
  mayHold: number;
}

const outcome: Scan = { found: 0, size: 0, mayHold: NO_PII };

/**
 * The returned object is reused by the next scan.
 * @param care see `textNeedsCare`
 * @param bodyMayHold classes of personal data that the body can hold: each costs a search of every string
 */
export function scan(event: object, care: boolean, bodyMayHold: number): Scan {
  nodes = 0;
  mayHold = NO_PII;
  sought = bodyMayHold;
  found = 0;
  size = 0;
  careful = care;
  visit(event, 1);
  if (nodes > LIMITS.nodesPerEvent) found |= FOUND.tooManyNodes;
  outcome.found = found;
  outcome.size = size;
  outcome.mayHold = mayHold;
  return outcome;
}

function visit(value: unknown, depth: number): void {
  nodes++;
  switch (typeof value) {
    case "string":
      size += value.length + 3;
      if (value.length > LIMITS.stringLength || (careful && !isCleanText(value))) found |= FOUND.needsRepair;
      if (depth > FIELD_DEPTH) lookFor(value, sought);
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

function lookFor(text: string, bits: number): void {
  if (bits === NO_PII) return;
  mayHold |= textMayHold(text, bits);
  sought &= ~mayHold;
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
    if (key.length >= SHORT_KEY && sought !== NO_PII) lookFor(key, sought);
    const value = object[key];
    // The event's own fields: an unknown field is searched like the texts below it.
    if (depth === 1 && typeof value === "string" && !NOT_LOOKED_AT.has(key)) {
      lookFor(value, TIMES.has(key) ? sought & ~PII.card : sought);
    }
    visit(value, depth + 1);
  }
}

const FIRST_INK = 0x21;
const LAST_INK = 0x7e;
/** White space, characters that are never drawn (zero-width characters, fillers) and the empty Braille cell. */
const BLANK = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]+$/u;

/** Whether a text consists of blanks only, and so is neither an id nor a name. False for the empty text. */
export function isBlank(text: string): boolean {
  const first = text.charCodeAt(0);
  return !(first >= FIRST_INK && first <= LAST_INK) && BLANK.test(text);
}

function isCleanText(text: string): boolean {
  return text.isWellFormed() && !hasControl(text);
}
