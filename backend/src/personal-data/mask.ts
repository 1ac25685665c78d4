// Masks personal data in one text at a time. The cost of a request is bounded: library calls have a budget that grows with the
// number of events, and a repeated text is not scanned again.

import type { ProcessorPiiClass, ProcessorSettings } from "@behaviour/contract";
import { BoundedCache } from "../bounded-cache.ts";
import type { FieldHint } from "./field-names.ts";
import { maskIbans } from "./iban.ts";
import { maskItalianCodes, maskNationalIdField, maskNationalIds } from "./national-id.ts";
import { type CallBudget, maskPhoneField, maskPhones } from "./phone.ts";
import { IBAN_START, LETTERS_START, LONG_RUN, scanText } from "./scan.ts";

export type ProcessorPiiPolicy = NonNullable<ProcessorSettings["pii"]>;

/** A call takes some 25 µs. A hostile event full of candidates costs 2 ms alone, and 0.2 ms as one of many in a request. */
const CALLS_PER_REQUEST = 64;
const CALLS_PER_EVENT = 8;

/** Number of texts whose results are kept, per kind of field. */
const KNOWN_TEXTS = 1_000;

interface Masked {
  text: string;
  classes: readonly ProcessorPiiClass[];
}

export class Masking {
  /** Classes found in the text that was masked last. */
  classes: readonly ProcessorPiiClass[] = [];
  readonly #policy: ProcessorPiiPolicy;
  readonly #country: string | null;
  readonly #budget: CallBudget;
  /** Results by kind of field, which is what the field's name says. */
  readonly #known = new Map<string, BoundedCache<Masked>>();

  /** @param events number of events in the request. They share this object */
  constructor(policy: ProcessorPiiPolicy, country: string | null, events: number) {
    this.#policy = policy;
    this.#country = country;
    this.#budget = { calls: CALLS_PER_REQUEST + CALLS_PER_EVENT * events };
  }

  /** @param found result of `scanText` for the text */
  mask(text: string, found: number, hint: FieldHint | null): string {
    if (hint === null && (found & (IBAN_START | LETTERS_START | LONG_RUN)) === 0) {
      this.classes = [];
      return text;
    }
    return this.#remembered(hint ?? "text", text, () => this.#maskAnew(text, found, hint));
  }

  /** Masks a value by its field's name alone. */
  maskField(text: string, hint: FieldHint): string {
    return this.#remembered(`${hint} number`, text, () => {
      const classes = new Set<ProcessorPiiClass>();
      return { text: this.#field(text, hint, classes), classes: [...classes] };
    });
  }

  #remembered(kind: string, text: string, maskAnew: () => Masked): string {
    let known = this.#known.get(kind);
    if (known === undefined) {
      known = new BoundedCache(KNOWN_TEXTS);
      this.#known.set(kind, known);
    }
    let masked = known.get(text);
    if (masked === undefined) {
      masked = maskAnew();
      known.set(text, masked);
    }
    this.classes = masked.classes;
    return masked.text;
  }

  #maskAnew(text: string, found: number, hint: FieldHint | null): Masked {
    const classes = new Set<ProcessorPiiClass>();
    let masked = hint === null ? text : this.#field(text, hint, classes);
    if ((found & IBAN_START) !== 0) masked = this.#apply("iban", masked, classes, maskIbans);
    if ((found & LETTERS_START) !== 0) masked = this.#apply("national_id", masked, classes, maskItalianCodes);
    if ((found & LONG_RUN) !== 0 && !isTimeOrUuid(masked)) {
      masked = this.#apply("national_id", masked, classes, maskNationalIds);
      masked = this.#apply("phone", masked, classes, (before, budget) => maskPhones(before, this.#country, budget));
    }
    return { text: masked, classes: [...classes] };
  }

  #field(text: string, hint: FieldHint, classes: Set<ProcessorPiiClass>): string {
    if (hint === "phone") return this.#apply("phone", text, classes, maskPhoneField);
    return this.#apply("national_id", text, classes, (before, budget) =>
      maskNationalIdField(before, hint === "national_id", budget),
    );
  }

  #apply(
    piiClass: ProcessorPiiClass,
    text: string,
    classes: Set<ProcessorPiiClass>,
    mask: (text: string, budget: CallBudget) => string,
  ): string {
    if (this.#policy[piiClass] === "allow") return text;
    const masked = mask(text, this.#budget);
    if (masked !== text) classes.add(piiClass);
    return masked;
  }
}

/** Masks personal data in a text without field names, such as a line that could not be read. */
export function maskText(text: string): string {
  const masking = new Masking({}, null, 1);
  return masking.mask(text, scanText(text), null);
}

const TIME_OR_UUID =
  /^(?:\d{4}-\d{2}-\d{2}(?:[T ][\d:.,]{5,20}(?:Z|[+-]\d{2}:?\d{2})?)?|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12})$/i;

/** Nearly every long run of digits is part of a time or a UUID. */
function isTimeOrUuid(text: string): boolean {
  return text.length <= 36 && TIME_OR_UUID.test(text);
}
