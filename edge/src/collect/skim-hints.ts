// Decides from the bytes around a rare character of pii/hints.ts whether personal data may be there.

import { mayEndSentName } from "../pii/hints.ts";

export const HINTS = "@%=_JAxB";

const AT_SIGN = 0x40;
const PERCENT = 0x25;
const EQUALS = 0x3d;
const UNDERSCORE = 0x5f;
const UPPER_A = 0x41;
const UPPER_B = 0x42;
const UPPER_I = 0x49;
const UPPER_J = 0x4a;
const UPPER_K = 0x4b;
const UPPER_S = 0x53;
const LOWER_B = 0x62;
const LOWER_E = 0x65;
const LOWER_G = 0x67;
const LOWER_H = 0x68;
const LOWER_K = 0x6b;
const LOWER_O = 0x6f;
const LOWER_Y = 0x79;

/**
 * Checks the bytes around a rare character. Never returns false where pii/hints.ts would return true.
 * @param ascii the whole text if each character is one byte; else null
 */
export function isHint(bytes: Uint8Array, i: number, ascii: string | null): boolean {
  switch (bytes[i]) {
    case AT_SIGN:
    case PERCENT:
      return true;
    case EQUALS:
      return ascii === null || mayEndSentName(ascii, i);
    case UNDERSCORE: {
      const before = bytes[i - 1];
      return before === LOWER_K || before === LOWER_B || (bytes[i - 2] === LOWER_H && bytes[i - 3] === LOWER_G);
    }
    case UPPER_J:
      return bytes[i - 1] === LOWER_Y && bytes[i - 2] === LOWER_E;
    case UPPER_A: {
      const next = bytes[i + 1];
      return next === UPPER_K || next === UPPER_S || next === UPPER_I;
    }
    case UPPER_B:
      // "BEGIN "
      return bytes[i + 1] === 0x45 && bytes[i + 2] === 0x47;
    default:
      // "xox"
      return bytes[i + 1] === LOWER_O;
  }
}
