// Removes personal data at the edge before the first write. Personal data in values and URLs is masked, or treated as the
// project chose for its class. One redactor serves a whole request: data that its events share (the batch's context) is
// searched once, and the cost of thorough searches is bounded for all of them together. E7.

import {
  addFinding,
  addMoreFindings,
  boundedPointer,
  LIMITS,
  MORE_FINDINGS,
  type PiiFinding,
  type ProjectSettings,
} from "@behaviour/contract";
import { ALL_PII, BITS_OF, NO_PII, type PiiClass } from "./classes.ts";
import { textMayHold } from "./hints.ts";
import { maskWhole, type Redacted, redactText } from "./text.ts";

export type PiiPolicy = NonNullable<ProjectSettings["pii"]>;

export interface RedactedEvent {
  event: Record<string, unknown>;
  findings: PiiFinding[];
  /** The first finding of a class that the project rejects. The rest of the event is then ignored. */
  rejected: PiiFinding | null;
}

/** Ids become surrogates, and a masked id could equal another person's id. `writeKey` is a credential that is not stored. */
export const NOT_LOOKED_AT: ReadonlySet<string> = new Set([
  "type",
  "messageId",
  "userId",
  "anonymousId",
  "groupId",
  "previousId",
  "writeKey",
]);
/** An event needs its name, so these fields are masked where the project drops fields. */
const NAMES: ReadonlySet<string> = new Set(["event", "name"]);

const DROPPED = Symbol("dropped");

/** The result for a value that all events of the request share. */
interface SharedOutcome {
  next: unknown;
  findings: PiiFinding[];
  rejected: PiiFinding | null;
}

export class RequestRedaction {
  readonly #policy: PiiPolicy;
  /** The classes to search for: all that the body can hold, except the classes that the project allows. */
  readonly #bits: number;
  readonly #batchContext: Record<string, unknown> | null;
  readonly #shared = new Map<string, SharedOutcome>();
  #closeLooksLeft: number = LIMITS.piiUnitsPerRequest;
  #pointersLeft: number = LIMITS.findingPointerUnits;

  // The state for the current event.
  #sought = NO_PII;
  #findings: PiiFinding[] = [];
  #rejected: PiiFinding | null = null;
  /** Keys and indices down to the current value. A pointer is built only for a finding. */
  readonly #path: (string | number)[] = [];
  /** The last number that was appended to a masked key. */
  #suffix = 1;

  /**
   * @param bits the classes that the request's body can hold
   * @param batchContext its values are recognized by identity in the contexts of the events
   */
  constructor(policy: PiiPolicy, bits: number = ALL_PII, batchContext: Record<string, unknown> | null = null) {
    this.#policy = policy;
    this.#bits = bits & ~allowedBits(policy);
    this.#batchContext = batchContext;
  }

  /**
   * Searches every string of an event except its ids, and every key, known or unknown.
   * @param mayHold the classes that the event can hold. Each costs a search of every string.
   * @returns null if nothing was found. The given event is never changed.
   */
  redact(event: Record<string, unknown>, mayHold: number = ALL_PII): RedactedEvent | null {
    this.#sought = this.#bits & mayHold;
    if (this.#sought === NO_PII) return null;
    this.#findings = [];
    this.#rejected = null;
    this.#suffix = 1;
    let copy: Record<string, unknown> | null = null;
    for (const field of Object.keys(event)) {
      if (NOT_LOOKED_AT.has(field)) continue;
      const value = event[field];
      if (!NAMES.has(field) || typeof value !== "string") {
        copy = this.#member(copy, event, field, null);
        continue;
      }
      const name = this.#name(value, field);
      if (name !== value) copy = { ...(copy ?? event), [field]: name };
    }
    if (this.#findings.length === 0) return null;
    return { event: copy ?? event, findings: this.#findings, rejected: this.#rejected };
  }

  #name(text: string, field: string): string {
    this.#path.push(field);
    const { text: next } = this.#find(text);
    this.#path.pop();
    return next.slice(0, LIMITS.eventNameLength);
  }

  /** Returns the same object if nothing changed. @param shared holds values that other events have as well */
  #object(object: Record<string, unknown>, shared: Record<string, unknown> | null): Record<string, unknown> {
    let copy: Record<string, unknown> | null = null;
    for (const key of Object.keys(object)) copy = this.#member(copy, object, key, shared);
    return copy ?? object;
  }

  /** @returns `copy`, created if it was null, with the redacted member; null as long as nothing changed. */
  #member(
    copy: Record<string, unknown> | null,
    object: Record<string, unknown>,
    key: string,
    shared: Record<string, unknown> | null,
  ): Record<string, unknown> | null {
    const kept = this.#key(key);
    const value = object[key];
    const isShared = shared !== null && Object.hasOwn(shared, key) && shared[key] === value;
    let next: unknown = DROPPED;
    if (kept !== DROPPED) next = isShared ? this.#sharedValue(value, kept) : this.#value(value, kept);
    if (kept === key && next === value) return copy;
    const changed = copy ?? { ...object };
    if (kept !== key || next === DROPPED) delete changed[key];
    if (kept !== DROPPED && next !== DROPPED) changed[kept === key ? key : this.#freeKey(kept, object, changed)] = next;
    return changed;
  }

  /** A key can be personal data, for example in a map of addresses. It is masked like a value, and the pointer has the mask. */
  #key(key: string): string | typeof DROPPED {
    const redacted = this.#lookAt(key);
    if (redacted === null) return key;
    this.#path.push(redacted.text);
    const { isDropped } = this.#record(redacted.classes);
    this.#path.pop();
    return isDropped ? DROPPED : redacted.text;
  }

  /** If two keys have the same mask, a number keeps both values. The number only grows, so that many such keys cost no more. */
  #freeKey(mask: string, object: object, changed: object): string {
    let free = mask;
    while (Object.hasOwn(object, free) || Object.hasOwn(changed, free)) free = `${mask} ${++this.#suffix}`;
    return free;
  }

  #sharedValue(value: unknown, key: string): unknown {
    let outcome = this.#shared.get(key);
    if (outcome === undefined) {
      const [findings, rejected, sought] = [this.#findings, this.#rejected, this.#sought];
      // The search covers the classes of all events that share the value.
      this.#sought = this.#bits;
      this.#findings = [];
      this.#rejected = null;
      outcome = { next: this.#value(value, key), findings: this.#findings, rejected: this.#rejected };
      this.#shared.set(key, outcome);
      this.#findings = findings;
      this.#rejected = rejected;
      this.#sought = sought;
    }
    for (const finding of outcome.findings) this.#note(finding);
    this.#rejected ??= outcome.rejected;
    return outcome.next;
  }

  #value(value: unknown, key: string | number): unknown {
    if (typeof value !== "string" && (typeof value !== "object" || value === null)) return value;
    this.#path.push(key);
    const next = this.#inside(value);
    this.#path.pop();
    return next;
  }

  #inside(value: string | object): unknown {
    if (typeof value === "string") {
      const { text, isDropped } = this.#find(value);
      return isDropped ? DROPPED : text;
    }
    if (Array.isArray(value)) return this.#array(value);
    const isContext = this.#path.length === 1 && this.#path[0] === "context";
    return this.#object(value as Record<string, unknown>, isContext ? this.#batchContext : null);
  }

  #array(array: readonly unknown[]): readonly unknown[] {
    let copy: unknown[] | null = null;
    for (let index = 0; index < array.length; index++) {
      const next = this.#value(array[index], index);
      if (next === array[index]) continue;
      copy ??= [...array];
      // A dropped item is replaced by null, so that the other items keep their index.
      copy[index] = next === DROPPED ? null : next;
    }
    return copy ?? array;
  }

  #find(text: string): { text: string; isDropped: boolean } {
    const redacted = this.#lookAt(text);
    if (redacted === null) return { text, isDropped: false };
    return { text: redacted.text, ...this.#record(redacted.classes) };
  }

  #lookAt(text: string): Redacted | null {
    const bits = textMayHold(text, this.#sought);
    // A rejected event is not stored, so the rest of it needs no search.
    if (bits === NO_PII || this.#rejected !== null) return null;
    this.#closeLooksLeft -= text.length;
    return this.#closeLooksLeft < 0 ? maskWhole(bits) : redactText(text, bits);
  }

  #record(classes: readonly PiiClass[]): { isDropped: boolean } {
    let isDropped = false;
    for (const piiClass of classes) {
      if (this.#pointersLeft <= 0) addMoreFindings(this.#findings);
      else this.#pointersLeft -= addFinding(this.#findings, this.#path, piiClass);
      if (this.#policy[piiClass] === "reject")
        this.#rejected ??= { pointer: boundedPointer(this.#path), class: piiClass };
      if (this.#policy[piiClass] === "drop_field") isDropped = true;
    }
    return { isDropped };
  }

  /** Records a finding that another event also has. */
  #note(finding: PiiFinding): void {
    const isFull = this.#findings.length >= LIMITS.findingsPerEvent || this.#pointersLeft <= 0;
    if (isFull || finding.class === MORE_FINDINGS) {
      addMoreFindings(this.#findings);
      return;
    }
    this.#findings.push(finding);
    this.#pointersLeft -= finding.pointer.length;
  }
}

function allowedBits(policy: PiiPolicy): number {
  let bits = NO_PII;
  for (const [piiClass, ofClass] of Object.entries(BITS_OF))
    if (policy[piiClass as PiiClass] === "allow") bits |= ofClass;
  return bits;
}
