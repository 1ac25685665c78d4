// The exact text of each item of a batch, as sent: for the few bodies whose events' sizes or numbers can't be told from the
// parsed value. A walk over code units that only tracks strings and depth; the text is known to be valid JSON.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);

/** Items of the *last* top-level `batch` array (the one JSON.parse keeps). */
export function batchItemTexts(text: string): string[] {
  let items: string[] = [];
  let depth = 0;
  let inBatch = false;
  let start = 0;
  let key: string | null = null;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      const end = stringEnd(text, i);
      if (depth === 1) key = text.slice(i, end + 1);
      i = end;
    } else if (OPEN.has(unit)) {
      depth++;
      if (depth === 2 && unit === 0x5b && isBatchKey(key)) {
        inBatch = true;
        items = [];
        start = i + 1;
      }
    } else if (CLOSE.has(unit)) {
      if (depth === 2 && inBatch) {
        push(items, text.slice(start, i));
        inBatch = false;
      }
      depth--;
    } else if (unit === COMMA && depth === 2 && inBatch) {
      push(items, text.slice(start, i));
      start = i + 1;
    } else if (unit === COMMA && depth === 1) {
      key = null;
    }
  }
  return items;
}

/** The key as JSON text, which may be written with escapes. */
function isBatchKey(key: string | null): boolean {
  return key !== null && JSON.parse(key) === "batch";
}

function stringEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === BACKSLASH) i++;
    else if (unit === QUOTE) return i;
  }
  return text.length - 1;
}

function push(items: string[], text: string): void {
  const trimmed = text.trim();
  if (trimmed !== "") items.push(trimmed);
}
