// Finds the numbers in an event's text that a double would round. Runs for the few events that have such a number.

import { endOfString } from "../body/json-text.ts";

const QUOTE = 0x22;
const PLUS = 0x2b;
const DASH = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_E = 0x65;
const CASE = 0x20;

/** A double represents every integer of this many digits exactly. */
const SAFE_DIGITS = 15;

/**
 * Turns each integer beyond ±(2⁵³−1), and each number that no double holds, into a string that begins with `mark`.
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

/** Whether the number that was walked last can be unsafe, judged by its length and exponent before it is converted. */
let mayBeUnsafe = false;

/** Only the digits before the fraction and an exponent can make a number large. */
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
