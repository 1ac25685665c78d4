// Masks phone numbers in text. A table test covers each of these rules:
//
// - international (`+49 170 1234567`; in a URL `%2B49…`, `tel:…`): 8 to 15 digits that libphonenumber accepts as a valid number;
// - national with separators, by the country of the request: `(030) 1234567`, `030/1234567`, `01 23 45 67 89`, and
//   `212-555-0123` if the country has North American numbers or is unknown;
// - digits alone are a phone number only in a field whose name says so. Elsewhere they may be an order, a time or a price.

import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js/max";

/** Library calls that a request may still cause. Beyond them a number's form decides, and more is masked than necessary. */
export interface CallBudget {
  calls: number;
}

const SEPARATORS = "[ \\u00a0().\\/-]{0,2}";
const INTERNATIONAL = new RegExp(`(?<![\\p{L}\\d+])\\+\\d(?:${SEPARATORS}\\d){7,14}(?![\\p{L}\\d])`, "gu");
/** In a URL `+` may stand for a space. */
const IN_URL = /(?:(?:tel:)?(?:%2B|(?<=[=:/])\+)|tel:)\d(?:(?:%20|%28|%29|[ +().-]){0,2}\d){7,14}(?![A-Za-z\d])/gi;
const NATIONAL =
  /(?<![\p{L}\d+.,/%=&#$€£_-])(?:\(0?\d{1,5}\) ?\d{2,8}(?:[ .-]\d{2,8}){0,4}|0\d{1,5}(?:[ /-]\d{2,8}){1,4}|(?:1[-. ])?[2-9]\d{2}([-. ])[2-9]\d{2}\1\d{4})(?![\p{L}\d%]|[.,:-]\d)/gu;
const NORTH_AMERICAN = /^(?:1[-. ])?[2-9]\d{2}[-. ]\d{3}[-. ]\d{4}$/;
const DATE = /^\d{1,2}[/. -]\d{1,2}[/. -]\d{4}/;
/** A latitude, a growth rate: a plus, a number, its decimals. */
const DECIMAL = /^\+\d{1,3}\.\d+$/;
const URL_START = /^(?:[a-z][a-z0-9+.-]{0,15}:\/\/|[/?]|tel:)/i;

const PHONE_MASK = "[phone]";

/** @param country ISO 3166-1 alpha-2 of the request, or null. */
export function maskPhones(text: string, country: string | null, budget: CallBudget): string {
  if (URL_START.test(text)) {
    const mayHold = text.includes("%2B") || text.includes("%2b") || text.includes("+") || /tel:/i.test(text);
    return mayHold ? text.replace(IN_URL, (found) => maskUrlNumber(found, budget)) : text;
  }
  let masked = text;
  if (masked.includes("+")) masked = masked.replace(INTERNATIONAL, (found) => maskInternational(found, budget));
  return masked.replace(NATIONAL, (found) => (isNational(found, country, budget) ? PHONE_MASK : found));
}

const FIELD_VALUE = /^[\s\u00a0]*[+(]?\d[\d\s\u00a0()./x#*+-]*$/i;
const FIELD_RUN = /\+?\(?\d(?:[ \u00a0()./-]{0,2}\d){6,16}/g;
const FIELD_DIGITS_MIN = 7;
const FIELD_DIGITS_MAX = 17;

/** Masks the value of a field whose name says that it is a phone number. No country's rules are applied. */
export function maskPhoneField(text: string): string {
  if (!FIELD_VALUE.test(text)) return text.replace(FIELD_RUN, PHONE_MASK);
  const digits = countDigits(text);
  return digits >= FIELD_DIGITS_MIN && digits <= FIELD_DIGITS_MAX ? PHONE_MASK : text.replace(FIELD_RUN, PHONE_MASK);
}

/** Another number may follow the first. The longest part that is a valid number is masked. */
function maskInternational(found: string, budget: CallBudget): string {
  if (DECIMAL.test(found)) return found;
  let end = found.length;
  while (countDigits(found.slice(0, end)) >= 8) {
    if (isValid(found.slice(0, end), undefined, budget)) return PHONE_MASK + found.slice(end);
    const cut = found.slice(0, end).search(LAST_GROUP);
    if (cut <= 0) break;
    end = cut;
  }
  return found;
}

const LAST_GROUP = /[ \u00a0()./-]+\d+$/;

function maskUrlNumber(found: string, budget: CallBudget): string {
  const digits = found
    .replace(/^tel:/i, "")
    .replace(/^%2B/i, "")
    .replace(/%2[089]/g, "")
    .replace(/\D/g, "");
  if (!isValid(`+${digits}`, undefined, budget)) return found;
  return /^tel:/i.test(found) ? `tel:${PHONE_MASK}` : PHONE_MASK;
}

function isNational(found: string, country: string | null, budget: CallBudget): boolean {
  const digits = countDigits(found);
  if (digits < 9 || digits > 15 || DATE.test(found)) return false;
  if (found.startsWith("00")) return isValid(`+${found.slice(2)}`, undefined, budget);
  if (country !== null && isSupportedCountry(country)) {
    return isValid(found, country, budget);
  }
  return NORTH_AMERICAN.test(found.replace(/^\((\d{3})\) ?/, "$1-")) && isValid(found, "US", budget);
}

function isValid(text: string, country: CountryCode | undefined, budget: CallBudget): boolean {
  if (--budget.calls < 0) return true;
  const number = parsePhoneNumberFromString(text, { ...(country && { defaultCountry: country }), extract: false });
  return number?.isValid() === true;
}

function countDigits(text: string): number {
  let digits = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x30 && unit <= 0x39) digits++;
  }
  return digits;
}
