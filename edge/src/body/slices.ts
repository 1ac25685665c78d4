// Cuts the exact texts of parts out of a body, for the few bodies whose events' sizes or numbers are not known from the parsed
// value. The scan over code units tracks only strings and depth, because the text is known to be valid JSON.

import { endOfString } from "./json-text.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** Items of the top-level array `batch`. */
export function batchItemTexts(text: string): string[] {
  const batch = memberText(text, "batch");
  return batch === null ? [] : partTexts(batch);
}

/** The value of a member of an object. If the name appears more than once, the last member counts, as in JSON.parse. */
export function memberText(text: string, name: string): string | null {
  let found: string | null = null;
  for (const member of partTexts(text)) {
    const { key, value } = splitMember(member);
    if (key === name) found = value;
  }
  return found;
}

export function splitMember(member: string): { key: string; keyText: string; value: string } {
  const keyEnd = endOfString(member, 0) + 1;
  const keyText = member.slice(0, keyEnd);
  // The key may be written with escapes.
  return { key: JSON.parse(keyText) as string, keyText, value: member.slice(member.indexOf(":", keyEnd) + 1).trim() };
}

/** Members of an object or items of an array: the texts between the commas of its own level, at most one more than `limit`. */
export function partTexts(text: string, limit = Number.POSITIVE_INFINITY): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      i = endOfString(text, i);
    } else if (OPEN.has(unit)) {
      if (++depth === 1) start = i + 1;
    } else if (CLOSE.has(unit)) {
      if (--depth === 0) push(parts, text.slice(start, i));
    } else if (unit === COMMA && depth === 1) {
      push(parts, text.slice(start, i));
      start = i + 1;
      if (parts.length > limit) return parts;
    }
  }
  return parts;
}

function push(parts: string[], text: string): void {
  const trimmed = text.trim();
  if (trimmed !== "") parts.push(trimmed);
}
