// Personal data of the second kind: phone numbers, IBANs and national ids, in any string of an event's properties, traits and
// context. Masked, dropped or refused as the project chose, and recorded as pointer and class, like what the edge finds; before
// anything of the event is written anywhere. E7, docs/API_DOCUMENTATION.md#sending-events; the rules are in docs/ENRICHMENT.md.

import {
  addFinding,
  addMoreFindings,
  boundedPointer,
  isObject,
  type JsonObject,
  LIMITS,
  MORE_FINDINGS,
  type PiiFinding,
  type RequestEnvelope,
} from "@behaviour/contract";
import type { KeptFailure } from "../failed/index.ts";
import { fieldHint } from "../personal-data/field-names.ts";
import { Masking, type ProcessorPiiPolicy } from "../personal-data/mask.ts";
import { scanText } from "../personal-data/scan.ts";
import { eventPayload, type FailureSite, failedEvent } from "./failure.ts";
import type { UnpackedEvent } from "./unpack.ts";

export interface EventRedaction {
  event: UnpackedEvent;
  findings: PiiFinding[];
  /** The first finding whose class the project refuses. */
  rejected: PiiFinding | null;
}

/**
 * What all events of a request share: the calls of the libraries that they may cause, the texts that were looked at already, and
 * the batch's context, which is looked at once.
 */
export class RequestWork {
  readonly masking: Masking;
  readonly policy: ProcessorPiiPolicy;
  readonly batchContext: JsonObject | null;
  readonly shared = new Map<string, SharedOutcome>();

  constructor({ settings, source, shape, body }: RequestEnvelope) {
    const events = shape === "batch" && Array.isArray(body.batch) ? body.batch.length : 1;
    this.policy = settings?.pii ?? {};
    this.masking = new Masking(this.policy, source.country, events);
    this.batchContext = shape === "batch" && isObject(body.context) ? body.context : null;
  }
}

/** What came of a value of the batch's context. */
interface SharedOutcome {
  next: unknown;
  findings: PiiFinding[];
  rejected: PiiFinding | null;
}

/** @returns null when nothing was found; the event given is never changed. @param work of the event's request */
export function redactEvent(event: UnpackedEvent, work = new RequestWork(event.envelope)): EventRedaction | null {
  const redaction = new Redaction(work);
  const { properties, traits, context, name } = event;
  const nextContext = redaction.context(context);
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

const DROPPED = Symbol("dropped");
/** Smaller ones have too few digits to be anybody's number. */
const SMALLEST_NUMBER = 1_000_000;

class Redaction {
  findings: PiiFinding[] = [];
  rejected: PiiFinding | null = null;
  /** Keys and indices down to the object that is looked at: a pointer is written only for a finding. */
  readonly #path: (string | number)[] = [];
  readonly #work: RequestWork;

  constructor(work: RequestWork) {
    this.#work = work;
  }

  context(context: JsonObject): JsonObject {
    this.#path.push("context");
    const next = this.#object(context, null, this.#work.batchContext);
    this.#path.pop();
    return next;
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

  /** @param parent the name it stands under; @param shared holds values that other events of the request have as well */
  #object(object: JsonObject, parent: string | null, shared: JsonObject | null = null): JsonObject {
    let copy: JsonObject | null = null;
    for (const key in object) {
      const value = object[key];
      const isShared = shared !== null && Object.hasOwn(shared, key) && shared[key] === value;
      const next = isShared ? this.#sharedValue(value, key) : this.#value(value, key, key, parent);
      if (next === value) continue;
      copy ??= { ...object };
      if (next === DROPPED) delete copy[key];
      else copy[key] = next;
    }
    return copy ?? object;
  }

  #sharedValue(value: unknown, key: string): unknown {
    const { shared } = this.#work;
    let outcome = shared.get(key);
    if (outcome === undefined) {
      const { findings, rejected } = this;
      this.findings = [];
      this.rejected = null;
      const next = this.#value(value, key, key, null);
      outcome = { next, findings: this.findings, rejected: this.rejected };
      shared.set(key, outcome);
      this.findings = findings;
      this.rejected = rejected;
    }
    for (const finding of outcome.findings) {
      const isFull = this.findings.length >= LIMITS.findingsPerEvent || finding.class === MORE_FINDINGS;
      if (isFull) addMoreFindings(this.findings);
      else this.findings.push(finding);
    }
    this.rejected ??= outcome.rejected;
    return outcome.next;
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
    const found = scanText(text);
    if (found === 0) return text;
    const hint = name === null ? null : fieldHint(name, parent);
    const masked = this.#work.masking.mask(text, found, hint);
    return masked === text ? text : this.#record(masked, key);
  }

  /** A number is looked at only where its name says what it is. */
  #number(value: number, key: string | number, name: string, parent: string | null): unknown {
    const hint = fieldHint(name, parent);
    if (hint === null || !Number.isSafeInteger(value)) return value;
    const text = String(value);
    const masked = this.#work.masking.maskField(text, hint);
    return masked === text ? value : this.#record(masked, key);
  }

  /** @returns what is stored in its place. */
  #record(masked: string, key: string | number): unknown {
    const { classes } = this.#work.masking;
    const { policy } = this.#work;
    this.#path.push(key);
    const path = sentPath(this.#path);
    for (const name of classes) {
      addFinding(this.findings, path, name);
      if (policy[name] === "reject") this.rejected ??= { pointer: boundedPointer(path), class: name };
    }
    this.#path.pop();
    return classes.some((name) => policy[name] === "drop_field") ? DROPPED : masked;
  }
}

/** In the event as sent: what it had beside the known fields is kept in the context (unpack.ts). */
function sentPath(path: readonly (string | number)[]): readonly (string | number)[] {
  return path[0] === "context" && path[1] === "$fields" ? path.slice(2) : path;
}

function objectOr(value: unknown, fallback: JsonObject): JsonObject {
  return typeof value === "object" && value !== null ? (value as JsonObject) : fallback;
}

/** The project wants nothing of it: it is shown masked, and no original is kept that could be replayed. */
export function refusedForPersonalData(site: FailureSite, event: UnpackedEvent, pointer: string): KeptFailure {
  return failedEvent(site, { code: "personal_data", pointer }, eventPayload(event));
}
