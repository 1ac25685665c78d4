// Decides by the name of an address's parameter whether its value is masked. A name is read word by word from its end, whatever
// joins the words: the last word of `reset_password_token`, `accessToken`, `X-Amz-Signature` and `user[password]` is enough. The
// value of a strong name is always masked. A weak name (`session`, `pass`, `code`, `mobile` …) often means something else, so its
// value must also look like a secret. The names are in lower case, without the characters that join the words.

import { DASH, DOT, isAlphanumeric, isDigit, isLower, isUpper, NO_UNIT, UNDERSCORE, unitAt } from "./units.ts";

/** The shape that a value must have to be masked. */
export type ValueShape = "any" | "secret" | "password" | "digits" | "phone" | "address";

const words = (text: string) => text.split(" ");

const SHAPES: ReadonlyMap<string, ValueShape> = new Map<string, ValueShape>([
  ...words(
    "password passwd pwd passphrase passcode passwordconfirmation passwordconfirm secret token tokenhint jwt bearer " +
      "apikey accesskey accesskeyid secretkey privatekey authkey signingkey encryptionkey subscriptionkey functionskey " +
      "signature credential credentials authorization assertion codeverifier oauthverifier samlresponse samlrequest " +
      "email emailaddress useremail ssn socialsecurity socialsecuritynumber firstname lastname fullname surname " +
      "birthdate birthday dateofbirth dob",
  ).map((name) => [name, "any"] as const),
  ...words("session sessionid sessid sid sig sign hmac auth code ticket tokenid tokenvalue magic magiclink nonce").map(
    (name) => [name, "secret"] as const,
  ),
  ...words("pass userpass").map((name) => [name, "password"] as const),
  ...words(
    "pin otp totp otpcode smscode verificationcode confirmationcode activationcode securitycode resetcode logincode " +
      "authcode mfacode oobcode cvv cvc",
  ).map((name) => [name, "digits"] as const),
  ...words("phone phonenumber tel telephone mobile mobilenumber cellphone msisdn").map(
    (name) => [name, "phone"] as const,
  ),
  ...words("mail usermail").map((name) => [name, "address"] as const),
]);

/** Names that end with a word of the table and hold no secret, such as the position in a list. */
const HARMLESS: ReadonlySet<string> = new Set(words("pagetoken nextpagetoken continuationtoken cursortoken synctoken"));

/** Endings of a name whose words are not separated: `resetpasswordtoken`, `jsessionid`. */
const ENDINGS: readonly [string, ValueShape][] = [
  ...words("password passwd token secret apikey signature").map((ending) => [ending, "any"] as [string, ValueShape]),
  ...words("sessionid sessid").map((ending) => [ending, "secret"] as [string, ValueShape]),
];

/** Only the end of a longer name is read. */
export const NAME_MAX = 64;

const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const DOLLAR = 0x24;

export function isNameUnit(unit: number): boolean {
  if (unit === NO_UNIT) return false;
  if (isAlphanumeric(unit) || unit === UNDERSCORE || unit === DASH || unit === DOT) return true;
  return unit === OPENING_BRACKET || unit === CLOSING_BRACKET || unit === DOLLAR;
}

/** The start of the name that ends before `end`. */
export function startOfName(text: string, end: number): number {
  let start = end;
  while (end - start < NAME_MAX && isNameUnit(unitAt(text, start - 1))) start--;
  return start;
}

/** The maximum number of a name's last words that are looked up together. */
const WORDS_MAX = 3;

/** @returns null if the name does not suggest a secret. */
export function shapeOfValue(name: string): ValueShape | null {
  let joined = "";
  let last = "";
  let shape: ValueShape | null = null;
  let end = name.length;
  for (let count = 0; count < WORDS_MAX; count++) {
    const word = lastWord(name, end);
    if (word === null) break;
    const text = name.slice(word.start, word.end).toLowerCase();
    if (count === 0) last = text;
    joined = text + joined;
    if (HARMLESS.has(joined)) return null;
    shape = SHAPES.get(joined) ?? shape;
    end = word.start;
  }
  return shape ?? ENDINGS.find(([ending]) => last.endsWith(ending))?.[1] ?? null;
}

/** The word that ends at or before `end`, or null. Digits do not belong to a word (`password2`). */
function lastWord(name: string, end: number): { start: number; end: number } | null {
  let last = end;
  while (last > 0 && !isLetter(name.charCodeAt(last - 1))) last--;
  if (last === 0) return null;
  let start = last - 1;
  while (start > 0 && isLetter(name.charCodeAt(start - 1)) && !beginsWord(name, start)) start--;
  return { start, end: last };
}

/** `accessToken`, `APIKey`: a capital after a small letter, or a capital before a small letter. */
function beginsWord(name: string, at: number): boolean {
  if (!isUpper(name.charCodeAt(at))) return false;
  return isLower(name.charCodeAt(at - 1)) || (isUpper(name.charCodeAt(at - 1)) && isLower(name.charCodeAt(at + 1)));
}

function isLetter(unit: number): boolean {
  return isLower(unit) || isUpper(unit);
}

const LETTER_BITS = 5;
const LETTER_MASK = 31;

/** The last three letters of every word above, as a number of 15 bits. One lookup excludes nearly every name. */
const LAST_LETTERS = new Uint8Array(1 << (3 * LETTER_BITS));
for (const name of [...SHAPES.keys(), ...ENDINGS.map(([ending]) => ending)])
  LAST_LETTERS[lastLetters(name, name.length)] = 1;

function lastLetters(text: string, end: number): number {
  const letter = (at: number) => text.charCodeAt(at) & LETTER_MASK;
  return (((letter(end - 3) << LETTER_BITS) | letter(end - 2)) << LETTER_BITS) | letter(end - 1);
}

/** Whether a name that ends before `end` can be one of the names above. It never returns false for such a name. */
export function mayEndName(text: string, end: number): boolean {
  let last = end;
  while (last > 0 && (isDigit(text.charCodeAt(last - 1)) || text.charCodeAt(last - 1) === CLOSING_BRACKET)) last--;
  return last >= 3 && LAST_LETTERS[lastLetters(text, last)] === 1;
}
