// The least that is masked in a failed event's payload before it is stored for people to read. The edge has already masked
// what it could find in strings it could parse; this is for lines that nobody could parse, so it works on plain text.
// Every pattern is linear: a look-behind lets a match begin only where a run of its characters begins.

const EMAIL = /(?<![\w.%+-])[\w.%+-]+(?:@|%40|\\u0040)(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}/g;
const JWT = /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*/g;
const BEARER = /\b(bearer|basic)(\s{1,4})[\w.~+/=-]{8,}/gi;
const SECRET_KEY = /\bsk_(?:live|test)_[0-9A-Za-z]{36}/g;
/** 13 to 19 digits, first one of a card network's; the checksum spares times in milliseconds and most other numbers. */
const CARD = /(?<![\d.])[2-6](?:[ -]?\d){12,18}(?!\.?\d)/g;

export function redactPersonalData(text: string): string {
  let masked = text;
  if (masked.includes("@") || masked.includes("%40") || masked.includes("\\u0040")) {
    masked = masked.replace(EMAIL, "[email]");
  }
  if (masked.includes("eyJ")) masked = masked.replace(JWT, "[token]");
  if (masked.includes("sk_")) masked = masked.replace(SECRET_KEY, "[token]");
  masked = masked.replace(BEARER, "$1$2[token]");
  return masked.replace(CARD, (run) => (passesLuhn(run) ? "[card]" : run));
}

function passesLuhn(run: string): boolean {
  let sum = 0;
  let doubled = false;
  for (let i = run.length - 1; i >= 0; i--) {
    const digit = run.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) continue;
    const value = doubled ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
    doubled = !doubled;
  }
  return sum % 10 === 0;
}
