// Numbers that a double would round, found in an event's text: for the few events that have one.

import { endOfString } from "../body/json-text.ts";

const QUOTE = 0x22;
const PLUS = 0x2b;
const DASH = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_E = 0x65;
const CASE = 0x20;

/** No double rounds an integer of so many digits. */
const SAFE_DIGITS = 15;

/**
 * The text with each integer beyond ±(2⁵³−1), and each number that no double holds, as a string that begins with `mark`.
 * @param text valid JSON
 */
export function quoteUnsafeNumbers(text: string, mark: string): string {
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) at = endOfString(text, at);
    else if (unit === DASH || isDigit(unit)) {
      const end = numberEnd(text, at);
      if (mayBeUnsafe && Math.abs(Number(text.slice(at, end))) > Number.MAX_SAFE_INTEGER) {
        parts.push(text.slice(copied, at), '"', mark, text.slice(at, end), '"');
        copied = end;
      }
      at = end - 1;
    }
  }
  if (copied === 0) return text;
  parts.push(text.slice(copied));
  return parts.join("");
}

function isDigit(unit: number): boolean {
  return unit >= ZERO && unit <= NINE;
}

/** Of the number that was walked last: told by its length, before it is read as a number. */
let mayBeUnsafe = false;

/** Digits before the fraction, and an exponent, are what can make a number large. */
function numberEnd(text: string, start: number): number {
  let at = start + 1;
  while (isDigit(text.charCodeAt(at))) at++;
  mayBeUnsafe = at - start > SAFE_DIGITS;
  for (; ; at++) {
    const unit = text.charCodeAt(at);
    if ((unit | CASE) === LOWER_E) mayBeUnsafe = true;
    else if (!isDigit(unit) && unit !== DOT && unit !== DASH && unit !== PLUS) return at;
  }
}
