// Masks national ids. Most ids are a few digits, and so are orders and dates. The rules therefore depend on the field:
//
// - in a field whose name says so (`ssn`, `nationalId`, `codiceFiscale` …): any value that has the form of an id;
// - in a field whose name may say so (`taxId`, `document` …): a value that passes the checksum of some country's personal id;
// - in any other field: only the forms below, written as their country writes them, with valid check digits.

import { stdnum } from "stdnum";
import type { CallBudget } from "./phone.ts";

const NATIONAL_ID_MASK = "[national_id]";

interface Validator {
  validate(value: string): { isValid: boolean; error?: Error };
}

/** @throws at start if the library no longer has the validator. */
function validatorOf(name: string): Validator {
  const [country = "", kind = ""] = name.split(".");
  const validator = stdnum[country]?.[kind];
  if (validator === undefined) throw new Error(`stdnum has no validator ${name}`);
  return validator;
}

/** The library's validators for personal ids that have a checksum or a distinctive form. */
const PERSONAL: readonly Validator[] = (
  "AT.vnr BE.nn BG.egn BR.cpf CA.sin CH.ssn CL.run CN.ric CZ.rc DE.idnr DE.svnr EC.ci EE.ik ES.dni ES.nie FI.hetu FR.nir " +
  "GB.nino GR.amka HK.hkid HR.oib IE.pps IL.idnr IN.aadhaar IN.pan IS.kennitala IT.codicefiscale KR.rrn LT.asmens MX.curp " +
  "NL.bsn NO.fodselsnummer PL.pesel RO.cnp RS.jmbg SE.personnummer SI.emso TH.idnr TR.tckimlik UY.cedula ZA.idnr"
)
  .split(" ")
  .map(validatorOf);

/**
 * The validators that accept each length of text, determined once. Asking all validators about a text costs a third of a
 * millisecond, and nearly all of them reject its length.
 */
let byLength: readonly (readonly Validator[])[] | null = null;

function validatorsOf(value: string): readonly Validator[] {
  byLength ??= Array.from({ length: ID_CHARS_MAX + 1 }, (_, length) =>
    PERSONAL.filter((one) => length >= ID_CHARS_MIN && takesLength(one, length)),
  );
  const plain = value.replace(SEPARATORS, "").length;
  const ofPlain = byLength[plain] ?? [];
  // Some validators count the dash that belongs to their form.
  return plain === value.length ? ofPlain : [...ofPlain, ...(byLength[plain + 1] ?? [])];
}

const SEPARATORS = /[ ./()-]/g;

function takesLength(validator: Validator, length: number): boolean {
  return validator.validate("1".repeat(length)).error?.name !== "InvalidLength";
}

interface WrittenForm {
  pattern: RegExp;
  validator: Validator;
}

const FORMS: readonly WrittenForm[] = [
  { pattern: /^\d{3}-\d{2}-\d{4}$/, validator: validatorOf("US.ssn") },
  { pattern: /^\d{6}[-+A]\d{3}[0-9A-Y]$/, validator: validatorOf("FI.hetu") },
  { pattern: /^\d{3}\.\d{3}\.\d{3}-\d{2}$/, validator: validatorOf("BR.cpf") },
  { pattern: /^756\.\d{4}\.\d{4}\.\d{2}$/, validator: validatorOf("CH.ssn") },
  { pattern: /^\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}$/, validator: validatorOf("BE.nn") },
  { pattern: /^[12] \d{2} \d{2} \d[\dAB] \d{3} \d{3} \d{2}$/, validator: validatorOf("FR.nir") },
];

/** All forms in one pattern, so that a text is scanned once. */
const ANY_FORM =
  /(?<![\p{L}\d.+_-])(?:\d{3}-\d{2}-\d{4}|\d{6}[-+A]\d{3}[0-9A-Y]|\d{3}\.\d{3}\.\d{3}-\d{2}|756\.\d{4}\.\d{4}\.\d{2}|\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}|[12] \d{2} \d{2} \d[\dAB] \d{3} \d{3} \d{2})(?![\p{L}\d_-])/gu;
const ITALIAN = validatorOf("IT.codicefiscale");
const ANY_ITALIAN = /(?<![\p{L}\d])[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?![\p{L}\d])/giu;

export function maskNationalIds(text: string, budget: CallBudget): string {
  return text.replace(ANY_FORM, (found) => {
    const isId = FORMS.some(({ pattern, validator }) => pattern.test(found) && isValid(validator, found, budget));
    return isId ? NATIONAL_ID_MASK : found;
  });
}

export function maskItalianCodes(text: string, budget: CallBudget): string {
  return text.replace(ANY_ITALIAN, (found) => (isValid(ITALIAN, found, budget) ? NATIONAL_ID_MASK : found));
}

/** One word or several groups, with some digits. An id looks like this; a sentence, a time or an address does not. */
const ID_FORM = /^(?=(?:\D*\d){5})[A-Za-z0-9](?:[ ./()-]?[A-Za-z0-9]){4,21}[)]?$/;
const ID_CHARS_MIN = 5;
const ID_CHARS_MAX = 32;
/** A validator costs a third of a call for a phone number. */
const VALIDATORS_A_CALL = 3;

/** Masks the value of a field whose name says that it is a national id. @param isCertain the name leaves no doubt. */
export function maskNationalIdField(text: string, isCertain: boolean, budget: CallBudget): string {
  const value = text.trim();
  if (value.length > ID_CHARS_MAX || !ID_FORM.test(value)) return text;
  if (isCertain) return NATIONAL_ID_MASK;
  const validators = validatorsOf(value);
  budget.calls -= Math.ceil(validators.length / VALIDATORS_A_CALL);
  if (budget.calls < 0) return NATIONAL_ID_MASK;
  return validators.some((validator) => accepts(validator, value)) ? NATIONAL_ID_MASK : text;
}

function isValid(validator: Validator, text: string, budget: CallBudget): boolean {
  return --budget.calls < 0 || accepts(validator, text);
}

/** The library parses some texts before it has checked that they are complete, and throws. Such texts are not ids. */
function accepts(validator: Validator, text: string): boolean {
  try {
    return validator.validate(text).isValid;
  } catch {
    return false;
  }
}
