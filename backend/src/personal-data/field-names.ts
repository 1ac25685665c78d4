// Finds out from a field's name whether the field holds a phone number or a national id. Names come from clients, so the results
// are kept in a bounded cache.

import { BoundedCache } from "../bounded-cache.ts";

export type FieldHint =
  | "phone"
  | "national_id"
  /** May also hold a company's number or another number, so a checksum must agree. */
  | "maybe_national_id";

const PHONE_WORDS: ReadonlySet<string> = new Set(
  (
    "phone phones telephone telephones tel mobile mobiles cell cellphone mobilephone msisdn fax whatsapp handy phonenumber " +
    "phonenumbers mobilenumber cellnumber telephonenumber faxnumber telefon telefono telefone telefonnummer handynummer " +
    "mobilnummer rufnummer celular telefoonnummer telefonnumer smsnumber"
  ).split(" "),
);

/** Words that say nothing by themselves. The word before them decides, or else the name of the object above. */
const PLAIN_WORDS: ReadonlySet<string> = new Set(
  "number numbers num no nr nummer value values raw formatted e164 national international intl home work private primary secondary text 1 2 3".split(
    " ",
  ),
);

const NATIONAL_IDS: ReadonlySet<string> = new Set(
  (
    "ssn socialsecurity socialsecuritynumber socialsecurityno socialinsurancenumber sozialversicherungsnummer svnummer " +
    "nationalid nationalidnumber nationalidno nationalidentifier nationalidentitynumber nationalidentificationnumber " +
    "nationalinsurancenumber nationalregisternumber nationalregistrationnumber personalid personalidnumber " +
    "personalidentitynumber personalidentificationnumber personalcode personnummer personnumber identitynumber " +
    "identitycard identitycardnumber idcard idcardnumber idcardno passport passportnumber passportno passportid " +
    "personalausweis personalausweisnummer ausweisnummer citizenid citizenservicenumber nino fodselsnummer cpr cprnumber " +
    "cprnr hetu henkilotunnus bsn burgerservicenummer pesel cpf dni dninumber curp codicefiscale fiscalcode steuerid " +
    "steueridnr steueridentifikationsnummer ahvnummer ahvnumber ahv insz rijksregisternummer nir numerosecu " +
    "numerosecuritesociale aadhaar aadhar aadhaarnumber aadharnumber pannumber pancard rrn emso jmbg cnp egn amka " +
    "isikukood asmenskodas kennitala tckimlik tckimlikno hkid nric rodnecislo taxpayerid individualtaxid itin"
  ).split(" "),
);

const AMBIGUOUS_IDS: ReadonlySet<string> = new Set(
  (
    "taxid taxnumber taxno tin taxidentificationnumber steuernummer nif nie rut run pan sin oib idnumber idno " +
    "identification identificationnumber governmentid govid document documentid documentnumber documentno cedula pps"
  ).split(" "),
);

interface NameMeaning {
  hint: FieldHint | null;
  /** For `number` or `value` the name of the object above decides. */
  isPlain: boolean;
}

const meanings = new BoundedCache<NameMeaning>(20_000);

/** @param parent name of the object or list that holds the field. */
export function fieldHint(name: string, parent: string | null): FieldHint | null {
  const { hint, isPlain } = meaningOf(name);
  return hint === null && isPlain && parent !== null ? meaningOf(parent).hint : hint;
}

function meaningOf(name: string): NameMeaning {
  let meaning = meanings.get(name);
  if (meaning === undefined) {
    meaning = readMeaning(wordsOf(name));
    meanings.set(name, meaning);
  }
  return meaning;
}

/** `customerPhone_number2` → customer, phone, number, 2. */
function wordsOf(name: string): string[] {
  return name
    .slice(0, 128)
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Za-z])(\d)/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
}

const LONGEST_NAME_WORDS = 4;

function readMeaning(words: readonly string[]): NameMeaning {
  for (let count = Math.min(LONGEST_NAME_WORDS, words.length); count > 0; count--) {
    const end = words.slice(-count).join("");
    if (NATIONAL_IDS.has(end)) return { hint: "national_id", isPlain: false };
    if (PHONE_WORDS.has(end) && !isAppliance(words, count)) return { hint: "phone", isPlain: false };
    if (AMBIGUOUS_IDS.has(end)) return { hint: "maybe_national_id", isPlain: false };
  }
  let last = words.length - 1;
  while (last >= 0 && PLAIN_WORDS.has(words[last] as string)) last--;
  if (last < 0) return { hint: null, isPlain: true };
  return last === words.length - 1 ? NOTHING : { ...readMeaning(words.slice(0, last + 1)), isPlain: false };
}

const NOTHING: NameMeaning = { hint: null, isPlain: false };

/** An `iPhone` is not a phone number. */
function isAppliance(words: readonly string[], count: number): boolean {
  const before = words.at(-count - 1);
  return before === "i" || before === "head" || before === "micro";
}
