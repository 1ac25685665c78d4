// Personal data stops at the edge: before anything is written, what looks like it in values and URLs is masked, or what else
// the project chose for its class. One of these serves a whole request: what its events share (the batch's context) is looked at
// once, and what close looks may cost is bounded over all of them. E7.

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
  /** The first finding whose class the project rejects: then nothing else of the event matters. */
  rejected: PiiFinding | null;
}

/** Ids become surrogates, and a masked id would be another person's. `writeKey` is a credential that is not stored. */
export const NOT_LOOKED_AT: ReadonlySet<string> = new Set([
  "type",
  "messageId",
  "userId",
  "anonymousId",
  "groupId",
  "previousId",
  "writeKey",
]);
/** An event without its name is none: these are masked where others are dropped. */
const NAMES: ReadonlySet<string> = new Set(["event", "name"]);

const DROPPED = Symbol("dropped");

/** What came of a value that all events of the request share. */
interface SharedOutcome {
  next: unknown;
  findings: PiiFinding[];
  rejected: PiiFinding | null;
}

export class RequestRedaction {
  readonly #policy: PiiPolicy;
  /** What is looked for: what the body can hold, save the classes that the project allows. */
  readonly #bits: number;
  readonly #batchContext: Record<string, unknown> | null;
  readonly #shared = new Map<string, SharedOutcome>();
  #closeLooksLeft: number = LIMITS.piiUnitsPerRequest;
  #pointersLeft: number = LIMITS.findingPointerUnits;

  // Of the event under way.
  #sought = NO_PII;
  #findings: PiiFinding[] = [];
  #rejected: PiiFinding | null = null;
  /** Keys and indices down to the value that is looked at: a pointer is written only for a finding. */
  readonly #path: (string | number)[] = [];
  /** The last number that was given to a masked key. */
  #suffix = 1;

  /**
   * @param bits what the request's body can hold
   * @param batchContext its values are known again by identity in the contexts of the events
   */
  constructor(policy: PiiPolicy, bits: number = ALL_PII, batchContext: Record<string, unknown> | null = null) {
    this.#policy = policy;
    this.#bits = bits & ~allowedBits(policy);
    this.#batchContext = batchContext;
  }

  /**
   * Looks at every string of an event but its ids, and at every key, known or not.
   * @param mayHold classes that can be in it, as far as is known: each costs a search of every string
   * @returns null when nothing was found; the event given is never changed.
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

  /** The same object when nothing in it was touched. @param shared holds values that other events have as well */
  #object(object: Record<string, unknown>, shared: Record<string, unknown> | null): Record<string, unknown> {
    let copy: Record<string, unknown> | null = null;
    for (const key of Object.keys(object)) copy = this.#member(copy, object, key, shared);
    return copy ?? object;
  }

  /** @returns `copy`, made when it was null, with the member as it may be kept; null as long as nothing had to change. */
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

  /** A key can be the datum: a map of addresses, say. It is masked like a value, and its pointer says the mask. */
  #key(key: string): string | typeof DROPPED {
    const redacted = this.#lookAt(key);
    if (redacted === null) return key;
    this.#path.push(redacted.text);
    const { isDropped } = this.#record(redacted.classes);
    this.#path.pop();
    return isDropped ? DROPPED : redacted.text;
  }

  /** Two keys may have the same mask: each value keeps a place. The number only grows, so that many of them cost no more. */
  #freeKey(mask: string, object: object, changed: object): string {
    let free = mask;
    while (Object.hasOwn(object, free) || Object.hasOwn(changed, free)) free = `${mask} ${++this.#suffix}`;
    return free;
  }

  #sharedValue(value: unknown, key: string): unknown {
    let outcome = this.#shared.get(key);
    if (outcome === undefined) {
      const [findings, rejected, sought] = [this.#findings, this.#rejected, this.#sought];
      // For all events that have it.
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
      // A dropped item leaves its place, so that the others keep theirs.
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
    // An event that is refused is stored nowhere.
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

  /** One that was recorded for another event as well. */
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
