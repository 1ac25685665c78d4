// A text as it reads once every layer of percent-encoding is off. Addresses nest in parameters of addresses, and each nesting
// encodes once more: `@` is `%40` in one and `%2540` in the next. Whoever searches such a text searches the plain one and is
// told where in the sent one each character stood. One pass, whatever the depth.

export interface PlainText {
  /** Without escapes. A byte beyond ASCII is a letter here, always the same one: searches need no more of it. */
  plain: string;
  /** Where each character of `plain` begins in the sent text, and at the end the sent text's length; null: where it is in `plain`. */
  starts: Int32Array | null;
  /** How many times each character was encoded, at most DEEPEST; null: none was. */
  depths: Uint8Array | null;
}

/** Deeper ones count as this deep. Nobody nests addresses so far. */
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
  /** The character it stands for; of a byte beyond ASCII some letter. */
  unit: number;
  depth: number;
  /** Where it ends in the sent text. */
  end: number;
}

/** The escape that begins with the percent sign at `at`, however often it was encoded: `%40`, `%2540`, `%252540` …; or null. */
export function escapeAt(sent: string, at: number): Escape | null {
  let end = at + 1;
  while (sent.charCodeAt(end) === DIGIT_2 && sent.charCodeAt(end + 1) === DIGIT_5) end += 2;
  const layers = (end - at - 1) / 2;
  const byte = hexValue(sent.charCodeAt(end)) * 16 + hexValue(sent.charCodeAt(end + 1));
  if (byte >= 0) return { unit: byte < 0x80 ? byte : SOME_LETTER, depth: Math.min(layers + 1, DEEPEST), end: end + 2 };
  return layers === 0 ? null : { unit: PERCENT, depth: Math.min(layers, DEEPEST), end };
}

/** Far below zero for what is no digit, so that a sum with it is negative. */
function hexValue(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  const lower = unit | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1_000;
}

/** As many arguments as a call may have on any engine. */
const PIECE = 4_096;

function textOf(units: Uint16Array, length: number): string {
  let text = "";
  for (let at = 0; at < length; at += PIECE) {
    // Spreading them would go through an iterator.
    text += String.fromCharCode.apply(null, units.subarray(at, Math.min(length, at + PIECE)) as unknown as number[]);
  }
  return text;
}

/** The sent text with ranges of its plain one replaced. @param ranges in order, none over another */
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
