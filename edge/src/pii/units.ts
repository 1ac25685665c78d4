// Classifies UTF-16 units by number, because a regular expression for each character would cost more than the rest of a search.

export const NO_UNIT = -1;

/** `NO_UNIT` before the beginning and after the end. */
export function unitAt(text: string, at: number): number {
  return at >= 0 && at < text.length ? text.charCodeAt(at) : NO_UNIT;
}

export function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

export function isUpper(unit: number): boolean {
  return unit >= 0x41 && unit <= 0x5a;
}

export function isLower(unit: number): boolean {
  return unit >= 0x61 && unit <= 0x7a;
}

export function isAsciiLetter(unit: number): boolean {
  return isUpper(unit) || isLower(unit);
}

export function isAlphanumeric(unit: number): boolean {
  return isDigit(unit) || isAsciiLetter(unit);
}

export const DASH = 0x2d;
export const UNDERSCORE = 0x5f;
export const DOT = 0x2e;
export const SPACE = 0x20;

/** A character of base64url, the alphabet of tokens. */
export function isBase64UrlUnit(unit: number): boolean {
  return isAlphanumeric(unit) || unit === DASH || unit === UNDERSCORE;
}

/**
 * Approximately a letter beyond ASCII: not the signs of Latin-1, punctuation, symbols or surrogates. A mistake here makes an
 * e-mail address one character longer or shorter.
 */
export function isForeignLetter(unit: number): boolean {
  if (unit < 0xc0) return unit === 0xaa || unit === 0xb5 || unit === 0xba;
  if (unit < 0x2000) return unit !== 0xd7 && unit !== 0xf7;
  return (unit >= 0x2c00 && unit < 0x3000) || (unit >= 0x3040 && unit < 0xd800) || (unit >= 0xf900 && unit < 0xfe00);
}

/** A letter of a script without spaces between words. An address in such a text ends where the script changes. */
export function isUnspacedLetter(unit: number): boolean {
  return (unit >= 0x0e00 && unit < 0x1000) || (unit >= 0x2e80 && isForeignLetter(unit));
}

/** White space, quotes and angle brackets end an address. */
export function endsAddress(unit: number): boolean {
  return unit <= SPACE || unit === 0x22 || unit === 0x27 || unit === 0x3c || unit === 0x3e || unit === 0xa0;
}
