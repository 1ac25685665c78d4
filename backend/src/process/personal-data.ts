// Finds personal data of the second kind (phone numbers, IBANs, national ids) in any string of an event's properties, traits and
// context. As the project chose, it masks the value, drops the field or rejects the event. It records each finding as pointer and
// class, as the edge does for its own findings. This happens before any part of the event is written.
// E7, docs/API_DOCUMENTATION.md#sending-events; the rules are in docs/ENRICHMENT.md.

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
  /** The first finding whose class the project rejects. */
  rejected: PiiFinding | null;
}

/**
 * State that all events of a request share: the budget of library calls, the results for texts that were scanned already, and
 * the results for the batch's context, which is scanned once.
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

/** The result for one value of the batch's context. */
interface SharedOutcome {
  next: unknown;
  findings: PiiFinding[];
  rejected: PiiFinding | null;
}

/** @returns null if nothing was found. The given event is never changed. @param work of the event's request */
export function redactEvent(event: UnpackedEvent, work = new RequestWork(event.envelope)): EventRedaction | null {
  const redaction = new Redaction(work);
  const { properties, traits, context, name } = event;
  const nextContext = redaction.context(context);
  // If the traits were sent only in the context, the pointer must point there.
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
/** Smaller numbers have too few digits to be a phone number or an id. */
const SMALLEST_NUMBER = 1_000_000;

class Redaction {
  findings: PiiFinding[] = [];
  rejected: PiiFinding | null = null;
  /** Keys and indices down to the current object. They become a pointer only when something is found. */
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

  /** @returns the same object if nothing in it changed. */
  field(name: string, object: JsonObject): JsonObject {
    this.#path.push(name);
    const next = this.#object(object, null);
    this.#path.pop();
    return next;
  }

  /** A text at the top level of the event. @returns null if the policy drops it. */
  title(name: string, text: string): string | null {
    const next = this.#text(text, name, null);
    return typeof next === "string" ? next : null;
  }

  /** @param parent name of the field that holds the object. @param shared values that the events of the request share */
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

  /** @param name the list's own name, which stands for the name of each item. */
  #array(array: readonly unknown[], name: string, parent: string | null): readonly unknown[] {
    let copy: unknown[] | null = null;
    for (let index = 0; index < array.length; index++) {
      const value = array[index];
      const next = this.#value(value, index, name, parent);
      if (next === value) continue;
      copy ??= [...array];
      // A dropped item becomes null, so that the other items keep their indices.
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

  /** A number is checked only if its field's name says what it is. */
  #number(value: number, key: string | number, name: string, parent: string | null): unknown {
    const hint = fieldHint(name, parent);
    if (hint === null || !Number.isSafeInteger(value)) return value;
    const text = String(value);
    const masked = this.#work.masking.maskField(text, hint);
    return masked === text ? value : this.#record(masked, key);
  }

  /** @returns the value to store instead. */
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

/** The path in the event as it was sent. Its unknown fields are stored in the context (unpack.ts). */
function sentPath(path: readonly (string | number)[]): readonly (string | number)[] {
  return path[0] === "context" && path[1] === "$fields" ? path.slice(2) : path;
}

function objectOr(value: unknown, fallback: JsonObject): JsonObject {
  return typeof value === "object" && value !== null ? (value as JsonObject) : fallback;
}

/** The project rejects such events. The failed event shows masked data and keeps no original, so it cannot be replayed. */
export function refusedForPersonalData(site: FailureSite, event: UnpackedEvent, pointer: string): KeptFailure {
  return failedEvent(site, { code: "personal_data", pointer }, eventPayload(event));
}
