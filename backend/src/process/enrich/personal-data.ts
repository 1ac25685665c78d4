// Personal data of the second kind: phone numbers, IBANs and national ids, in any string of an event's properties, traits and
// context. Masked, dropped or refused as the project chose, and recorded as pointer and class, like what the edge finds; before
// anything of the event is written anywhere. DESIGN E7, API.md §3; the rules are in docs/ENRICHMENT.md.

import type { PiiFinding, ProcessorPiiClass, ProcessorSettings } from "@behaviour/contract";
import type { JsonObject, UnpackedEvent } from "../unpack.ts";
import { type FieldHint, fieldHint } from "./personal-data/field-names.ts";
import { maskIbans } from "./personal-data/iban.ts";
import { maskItalianCodes, maskNationalIdField, maskNationalIds } from "./personal-data/national-id.ts";
import { type CallBudget, maskPhoneField, maskPhones } from "./personal-data/phone.ts";
import { IBAN_START, LETTERS_START, LONG_RUN, scan } from "./personal-data/scan.ts";

export interface RedactedEvent {
  event: UnpackedEvent;
  findings: PiiFinding[];
  /** The first finding whose class the project refuses. */
  rejected: PiiFinding | null;
}

/** A hostile event of nothing but candidates costs a few milliseconds. */
const CALLS_PER_EVENT = 64;

type PiiPolicy = NonNullable<ProcessorSettings["pii"]>;

/** @returns null when nothing was found; the event given is never changed. */
export function redactPersonalData(event: UnpackedEvent): RedactedEvent | null {
  const redaction = new Redaction(event.envelope.settings?.pii ?? {}, event.envelope.source.country);
  const { properties, traits, context, name } = event;
  const nextContext = redaction.field("context", context);
  // Where the traits stand in the context alone, the pointer leads there.
  const nextTraits =
    traits === context["traits"] ? objectOr(nextContext["traits"], {}) : redaction.field("traits", traits);
  const nextProperties = redaction.field("properties", properties);
  // A page's name is free text, and may come from its properties.
  const isFreeText = name !== null && (event.type === "page" || event.type === "screen");
  const nextName = isFreeText ? redaction.title("name", name) : name;
  const { findings, rejected } = redaction;
  if (findings.length === 0) return null;
  const redacted = {
    ...event,
    name: nextName,
    properties: nextProperties,
    traits: nextTraits,
    context: nextContext,
  };
  return { event: redacted, findings, rejected };
}

/** What of it is in a text that is part of no event: a line that could not be read. */
export function maskText(text: string): string {
  const masking = new Masking({}, null);
  return masking.mask(text, scan(text), null);
}

/** Masks text by text, and says which classes the last one held. */
class Masking {
  classes: ProcessorPiiClass[] = [];
  readonly #policy: PiiPolicy;
  readonly #country: string | null;
  readonly #budget: CallBudget = { calls: CALLS_PER_EVENT };

  constructor(policy: PiiPolicy, country: string | null) {
    this.#policy = policy;
    this.#country = country;
  }

  /** @param found what `scan` says of the text. */
  mask(text: string, found: number, hint: FieldHint | null): string {
    this.classes = [];
    let masked = hint === null ? text : this.maskField(text, hint);
    if ((found & IBAN_START) !== 0) masked = this.#apply("iban", masked, maskIbans);
    if ((found & LETTERS_START) !== 0) masked = this.#apply("national_id", masked, maskItalianCodes);
    if ((found & LONG_RUN) === 0 || isTimeOrUuid(masked)) return masked;
    masked = this.#apply("national_id", masked, maskNationalIds);
    return this.#apply("phone", masked, (before, budget) => maskPhones(before, this.#country, budget));
  }

  /** By its name alone. */
  maskField(text: string, hint: FieldHint): string {
    this.classes = [];
    if (hint === "phone") return this.#apply("phone", text, maskPhoneField);
    return this.#apply("national_id", text, (before, budget) =>
      maskNationalIdField(before, hint === "national_id", budget),
    );
  }

  #apply(piiClass: ProcessorPiiClass, text: string, mask: (text: string, budget: CallBudget) => string): string {
    if (this.#policy[piiClass] === "allow") return text;
    const masked = mask(text, this.#budget);
    if (masked !== text && !this.classes.includes(piiClass)) this.classes.push(piiClass);
    return masked;
  }
}

const TIME_OR_UUID =
  /^(?:\d{4}-\d{2}-\d{2}(?:[T ][\d:.,]{5,20}(?:Z|[+-]\d{2}:?\d{2})?)?|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12})$/i;

/** What nearly every long run of digits is part of. */
function isTimeOrUuid(text: string): boolean {
  return text.length <= 36 && TIME_OR_UUID.test(text);
}

const DROPPED = Symbol("dropped");
/** Smaller ones have too few digits to be anybody's number. */
const SMALLEST_NUMBER = 1_000_000;

class Redaction {
  readonly findings: PiiFinding[] = [];
  rejected: PiiFinding | null = null;
  /** Keys and indices down to the object that is looked at: a pointer is written only for a finding. */
  readonly #path: (string | number)[] = [];
  readonly #policy: PiiPolicy;
  readonly #masking: Masking;

  constructor(policy: PiiPolicy, country: string | null) {
    this.#policy = policy;
    this.#masking = new Masking(policy, country);
  }

  /** The same object when nothing in it was touched. */
  field(name: string, object: JsonObject): JsonObject {
    this.#path.push(name);
    const next = this.#object(object, null);
    this.#path.pop();
    return next;
  }

  /** A text of the event's own; a dropped one is null. */
  title(name: string, text: string): string | null {
    const next = this.#text(text, name, null);
    return typeof next === "string" ? next : null;
  }

  /** @param parent the name it stands under */
  #object(object: JsonObject, parent: string | null): JsonObject {
    let copy: JsonObject | null = null;
    for (const key in object) {
      const value = object[key];
      const next = this.#value(value, key, key, parent);
      if (next === value) continue;
      copy ??= { ...object };
      if (next === DROPPED) delete copy[key];
      else copy[key] = next;
    }
    return copy ?? object;
  }

  /** @param name what its items are called: the list's own name. */
  #array(array: readonly unknown[], name: string, parent: string | null): readonly unknown[] {
    let copy: unknown[] | null = null;
    for (let index = 0; index < array.length; index++) {
      const value = array[index];
      const next = this.#value(value, index, name, parent);
      if (next === value) continue;
      copy ??= [...array];
      // A dropped item leaves its place, so that the others keep theirs.
      copy[index] = next === DROPPED ? null : next;
    }
    return copy ?? array;
  }

  #value(value: unknown, key: string | number, name: string, parent: string | null): unknown {
    if (typeof value === "string") return this.#text(value, key, name, parent);
    if (typeof value === "number") return value < SMALLEST_NUMBER ? value : this.#number(value, key, name, parent);
    if (typeof value !== "object" || value === null) return value;
    this.#path.push(key);
    const next = Array.isArray(value) ? this.#array(value, name, parent) : this.#object(value as JsonObject, name);
    this.#path.pop();
    return next;
  }

  #text(text: string, key: string | number, name: string | null, parent: string | null = null): unknown {
    const found = scan(text);
    if (found === 0) return text;
    const hint = name === null ? null : fieldHint(name, parent);
    const masked = this.#masking.mask(text, found, hint);
    return masked === text ? text : this.#record(masked, key);
  }

  /** A number is looked at only where its name says what it is. */
  #number(value: number, key: string | number, name: string, parent: string | null): unknown {
    const hint = fieldHint(name, parent);
    if (hint === null || !Number.isSafeInteger(value)) return value;
    const text = String(value);
    const masked = this.#masking.maskField(text, hint);
    return masked === text ? value : this.#record(masked, key);
  }

  /** @returns what is stored in its place. */
  #record(masked: string, key: string | number): unknown {
    const { classes } = this.#masking;
    const pointer = pointerOf([...this.#path, key]);
    for (const name of classes) {
      const finding = { pointer, class: name };
      this.findings.push(finding);
      if (this.#policy[name] === "reject") this.rejected ??= finding;
    }
    return classes.some((name) => this.#policy[name] === "drop_field") ? DROPPED : masked;
  }
}

/** Relative to the event as sent: what it had beside the known fields is kept in the context (unpack.ts). */
function pointerOf(path: readonly (string | number)[]): string {
  const sent = path[0] === "context" && path[1] === "$fields" ? path.slice(2) : path;
  return sent.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function objectOr(value: unknown, fallback: JsonObject): JsonObject {
  return typeof value === "object" && value !== null ? (value as JsonObject) : fallback;
}
