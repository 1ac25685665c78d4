// IBANs in text: a country that has them, exactly its length and structure, and the check digits. With or without spaces.

import { countrySpecs, isValidIBAN } from "ibantools";

const IBAN_MASK = "[iban]";

const START = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g;
/** Between two groups; also as a URL writes a space. */
const SEPARATORS = [" ", "\u00a0", "-", ".", "%20", "+"];

export function maskIbans(text: string): string {
  let masked = "";
  let done = 0;
  START.lastIndex = 0;
  for (let match = START.exec(text); match !== null; match = START.exec(text)) {
    const end = endOfIban(text, match.index);
    if (end === null) continue;
    masked += text.slice(done, match.index) + IBAN_MASK;
    done = end;
    START.lastIndex = end;
  }
  return done === 0 ? text : masked + text.slice(done);
}

/** @returns where the IBAN that begins at `start` ends, or null when there is none. */
function endOfIban(text: string, start: number): number | null {
  const country = text.slice(start, start + 2).toUpperCase();
  const chars = Object.hasOwn(countrySpecs, country) ? countrySpecs[country]?.chars : null;
  if (chars === null || chars === undefined) return null;
  let iban = "";
  let at = start;
  while (iban.length < chars) {
    if (!isAlphanumeric(text.charCodeAt(at))) {
      const separator = SEPARATORS.find((one) => text.startsWith(one, at));
      if (separator === undefined) return null;
      at += separator.length;
    }
    if (!isAlphanumeric(text.charCodeAt(at))) return null;
    iban += text[at++];
  }
  return !isAlphanumeric(text.charCodeAt(at)) && isValidIBAN(iban.toUpperCase()) ? at : null;
}

/** False for NaN, past the end. */
function isAlphanumeric(unit: number): boolean {
  const lower = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (lower >= 0x61 && lower <= 0x7a);
}
