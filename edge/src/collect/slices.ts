// The exact texts of parts of a body, as sent: for the few bodies whose events' sizes or numbers can't be told from the parsed
// value. A walk over code units that only tracks strings and depth; the text is known to be valid JSON.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** Items of the top-level array `batch`. */
export function batchItemTexts(text: string): string[] {
  const batch = memberText(text, "batch");
  return batch === null ? [] : partTexts(batch);
}

/** The value of one member of an object; the *last* one of that name, which is the one JSON.parse keeps. */
export function memberText(text: string, name: string): string | null {
  let found: string | null = null;
  for (const member of partTexts(text)) {
    const keyEnd = stringEnd(member, 0) + 1;
    // The key may be written with escapes.
    if (JSON.parse(member.slice(0, keyEnd)) === name) found = member.slice(member.indexOf(":", keyEnd) + 1).trim();
  }
  return found;
}

/** Members of an object, items of an array: what stands between the commas of its own level. */
function partTexts(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      i = stringEnd(text, i);
    } else if (OPEN.has(unit)) {
      if (++depth === 1) start = i + 1;
    } else if (CLOSE.has(unit)) {
      if (--depth === 0) push(parts, text.slice(start, i));
    } else if (unit === COMMA && depth === 1) {
      push(parts, text.slice(start, i));
      start = i + 1;
    }
  }
  return parts;
}

function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === BACKSLASH) i++;
    else if (unit === QUOTE) return i;
  }
  return text.length - 1;
}

function push(parts: string[], text: string): void {
  const trimmed = text.trim();
  if (trimmed !== "") parts.push(trimmed);
}
