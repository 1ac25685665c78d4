// Masks IBANs in text, with or without separators. An IBAN needs a country that issues IBANs, exactly that country's length and
// structure, and valid check digits.

import { countrySpecs, isValidIBAN } from "ibantools";
import type { CallBudget } from "./phone.ts";

const IBAN_MASK = "[iban]";

const START = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g;
/** Space, no-break space, dash, full stop, or a URL's form of a space. @returns the separator's length, 0 if there is none. */
function separatorAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit === 0x20 || unit === 0xa0 || unit === 0x2d || unit === 0x2e || unit === 0x2b) return 1;
  return unit === 0x25 && text.startsWith("%20", at) ? 3 : 0;
}

export function maskIbans(text: string, budget: CallBudget): string {
  let masked = "";
  let done = 0;
  START.lastIndex = 0;
  for (let match = START.exec(text); match !== null; match = START.exec(text)) {
    const end = endOfIban(text, match.index, budget);
    if (end === null) continue;
    masked += text.slice(done, match.index) + IBAN_MASK;
    done = end;
    START.lastIndex = end;
  }
  return done === 0 ? text : masked + text.slice(done);
}

/** The longest IBAN in the registry has 33 characters. */
const CHARS_MAX = 40;
const units = new Uint8Array(CHARS_MAX);

/** @returns the end of the IBAN that begins at `start`, or null if there is none. */
function endOfIban(text: string, start: number, budget: CallBudget): number | null {
  const country = text.slice(start, start + 2).toUpperCase();
  const chars = Object.hasOwn(countrySpecs, country) ? countrySpecs[country]?.chars : null;
  if (chars === null || chars === undefined || chars > CHARS_MAX) return null;
  let length = 0;
  let at = start;
  while (length < chars) {
    if (!isAlphanumeric(text.charCodeAt(at))) {
      const separator = separatorAt(text, at);
      if (separator === 0) return null;
      at += separator;
    }
    if (!isAlphanumeric(text.charCodeAt(at))) return null;
    units[length++] = text.charCodeAt(at++);
  }
  if (isAlphanumeric(text.charCodeAt(at)) || !hasCheckDigits(chars)) return null;
  // One number in 97 has valid check digits by chance.
  if (--budget.calls < 0) return at;
  return isValidIBAN(String.fromCharCode(...units.subarray(0, chars)).toUpperCase()) ? at : null;
}

/** ISO 7064, mod 97: country and check digits go to the end, letters count from 10. */
function hasCheckDigits(length: number): boolean {
  let rest = 0;
  for (let place = 0; place < length; place++) {
    const unit = units[(place + 4) % length] as number;
    rest = unit <= 0x39 ? (rest * 10 + unit - 0x30) % 97 : (rest * 100 + (unit | 0x20) - 0x57) % 97;
  }
  return rest === 1;
}

/** False for NaN, which `charCodeAt` returns past the end. */
function isAlphanumeric(unit: number): boolean {
  const lower = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (lower >= 0x61 && lower <= 0x7a);
}
