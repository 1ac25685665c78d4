// Removes every layer of percent-encoding from a text. Addresses nest in parameters of addresses, and each nesting encodes once
// more: `@` is `%40` in one layer and `%2540` in the next. A search runs over the plain text, which knows the place of each
// character in the sent text. It takes one pass, whatever the depth.

export interface PlainText {
  /** Without escapes. Every byte beyond ASCII is the same letter here, which is enough for searches. */
  plain: string;
  /** The start of each character of `plain` in the sent text, then the sent text's length. Null if both texts are equal. */
  starts: Int32Array | null;
  /** The number of layers of each character, at most DEEPEST. Null if no character was encoded. */
  depths: Uint8Array | null;
}

/** A deeper encoding counts as this deep. Real addresses do not nest so far. */
export const DEEPEST = 7;

const PERCENT = 0x25;
const DIGIT_2 = 0x32;
const DIGIT_5 = 0x35;
/** Stands for a byte of UTF-8: ÿ. */
const SOME_LETTER = 0xff;

export function plainText(sent: string): PlainText {
  const first = sent.indexOf("%");
  if (first < 0) return { plain: sent, starts: null, depths: null };
  const units = new Uint16Array(sent.length);
  const starts = new Int32Array(sent.length + 1);
  const depths = new Uint8Array(sent.length);
  let length = 0;
  let at = 0;
  while (at < sent.length) {
    const escape = sent.charCodeAt(at) === PERCENT ? escapeAt(sent, at) : null;
    starts[length] = at;
    if (escape === null) {
      units[length++] = sent.charCodeAt(at++);
      continue;
    }
    units[length] = escape.unit;
    depths[length++] = escape.depth;
    at = escape.end;
  }
  if (length === sent.length) return { plain: sent, starts: null, depths: null };
  starts[length] = sent.length;
  return { plain: textOf(units, length), starts, depths };
}

export interface Escape {
  /** The character of the escape. A byte beyond ASCII is represented by a letter. */
  unit: number;
  depth: number;
  /** The end of the escape in the sent text. */
  end: number;
}

/** The escape that begins with the percent sign at `at`, in any number of layers (`%40`, `%2540`, `%252540` …), or null. */
export function escapeAt(sent: string, at: number): Escape | null {
  let end = at + 1;
  while (sent.charCodeAt(end) === DIGIT_2 && sent.charCodeAt(end + 1) === DIGIT_5) end += 2;
  const layers = (end - at - 1) / 2;
  const byte = hexValue(sent.charCodeAt(end)) * 16 + hexValue(sent.charCodeAt(end + 1));
  if (byte >= 0) return { unit: byte < 0x80 ? byte : SOME_LETTER, depth: Math.min(layers + 1, DEEPEST), end: end + 2 };
  return layers === 0 ? null : { unit: PERCENT, depth: Math.min(layers, DEEPEST), end };
}

/** Far below zero for a character that is not a hexadecimal digit, so that a sum with it is negative. */
function hexValue(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const lower = unit | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1_000;
}

/** Every engine allows a call this many arguments. */
const PIECE = 4_096;

function textOf(units: Uint16Array, length: number): string {
  let text = "";
  for (let at = 0; at < length; at += PIECE) {
    // A spread would use an iterator.
    text += String.fromCharCode.apply(null, units.subarray(at, Math.min(length, at + PIECE)) as unknown as number[]);
  }
  return text;
}

/** Replaces ranges of the plain text in the sent text. @param ranges in order, without overlap */
export function replaceRanges(
  sent: string,
  { starts }: PlainText,
  ranges: readonly { start: number; end: number; by: string }[],
): string {
  let text = "";
  let done = 0;
  for (const { start, end, by } of ranges) {
    text += sent.slice(done, starts?.[start] ?? start) + by;
    done = starts?.[end] ?? end;
  }
  return text + sent.slice(done);
}
