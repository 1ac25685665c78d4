// Reads bit fields of consent strings: base64url, six bits per character, highest bit first. Fields are read in place. Nothing
// is unpacked, so a read costs the same for a string of any length.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BITS_A_CHARACTER = 6;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** By character code. Characters outside the alphabet read as zeros, so check with `isBase64Url` first. */
const SEXTETS = new Uint8Array(128);
for (let value = 0; value < ALPHABET.length; value++) SEXTETS[ALPHABET.charCodeAt(value)] = value;

export function isBase64Url(text: string): boolean {
  return BASE64URL.test(text);
}

export function lengthInBits(text: string): number {
  return text.length * BITS_A_CHARACTER;
}

/** All bits beyond the end of the text are zero. */
export function bitAt(text: string, bit: number): boolean {
  const sextet = SEXTETS[text.charCodeAt(Math.floor(bit / BITS_A_CHARACTER))] ?? 0;
  return ((sextet >> (BITS_A_CHARACTER - 1 - (bit % BITS_A_CHARACTER))) & 1) === 1;
}

export function readBits(text: string, at: number, length: number): number {
  let value = 0;
  for (let bit = at; bit < at + length; bit++) value = value * 2 + (bitAt(text, bit) ? 1 : 0);
  return value;
}
