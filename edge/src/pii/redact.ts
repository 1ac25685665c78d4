// Personal data stops at the edge: before anything is written, what looks like it in values and URLs is masked, or what else
// the project chose for its class. Cheap native searches over the whole body decide whether any event is looked at. DESIGN E7.

import { LIMITS, type ProjectSettings } from "@behaviour/contract";
import { type PiiClass, redactText } from "./patterns.ts";

export type PiiPolicy = NonNullable<ProjectSettings["pii"]>;

export interface PiiFinding {
  /** JSON pointer relative to the event. */
  pointer: string;
  class: PiiClass;
}

export interface RedactedEvent {
  event: Record<string, unknown>;
  findings: PiiFinding[];
  /** The first finding whose class the project rejects. */
  rejected: PiiFinding | null;
}

/** Ids become surrogates, and a masked id would be another person's. `writeKey` is a credential that is not stored. */
const NOT_LOOKED_AT: ReadonlySet<string> = new Set([
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

/**
 * Looks at every string of an event but its ids, and at every key, known or not.
 * @returns null when nothing was found; the event given is never changed.
 */
export function redactEvent(event: Record<string, unknown>, policy: PiiPolicy): RedactedEvent | null {
  const redaction = new Redaction(policy);
  const redacted = redaction.event(event);
  const { findings, rejected } = redaction;
  return findings.length === 0 ? null : { event: redacted, findings, rejected };
}

const DROPPED = Symbol("dropped");

class Redaction {
  readonly findings: PiiFinding[] = [];
  rejected: PiiFinding | null = null;
  /** Keys and indices down to the value that is looked at: a pointer is written only for a finding. */
  #suffix = 1;
  readonly #path: (string | number)[] = [];
  readonly #policy: PiiPolicy;
  readonly #allowed: ReadonlySet<PiiClass>;

  constructor(policy: PiiPolicy) {
    this.#policy = policy;
    this.#allowed = new Set((Object.keys(policy) as PiiClass[]).filter((name) => policy[name] === "allow"));
  }

  /** The same object when nothing in it was touched. */
  event(event: Record<string, unknown>): Record<string, unknown> {
    let copy: Record<string, unknown> | null = null;
    for (const field of Object.keys(event)) {
      if (NOT_LOOKED_AT.has(field)) continue;
      const value = event[field];
      if (!NAMES.has(field) || typeof value !== "string") {
        copy = this.#member(copy, event, field);
        continue;
      }
      const name = this.#name(value, field);
      if (name !== value) copy = { ...(copy ?? event), [field]: name };
    }
    return copy ?? event;
  }

  #name(text: string, field: string): string {
    this.#path.push(field);
    const { text: next } = this.#find(text);
    this.#path.pop();
    return next.slice(0, LIMITS.eventNameLength);
  }

  #object(object: Record<string, unknown>): Record<string, unknown> {
    let copy: Record<string, unknown> | null = null;
    for (const key of Object.keys(object)) copy = this.#member(copy, object, key);
    return copy ?? object;
  }

  /** @returns `copy`, made when it was null, with the member as it may be kept; null as long as nothing had to change. */
  #member(
    copy: Record<string, unknown> | null,
    object: Record<string, unknown>,
    key: string,
  ): Record<string, unknown> | null {
    const kept = this.#key(key);
    const value = object[key];
    const next = kept === DROPPED ? DROPPED : this.#value(value, kept);
    if (kept === key && next === value) return copy;
    const changed = copy ?? { ...object };
    if (kept !== key || next === DROPPED) delete changed[key];
    if (kept !== DROPPED && next !== DROPPED) changed[kept === key ? key : this.#freeKey(kept, object, changed)] = next;
    return changed;
  }

  /** A key can be the datum: a map of addresses, say. It is masked like a value, and its pointer says the mask. */
  #key(key: string): string | typeof DROPPED {
    const redacted = redactText(key, this.#allowed);
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

  #value(value: unknown, key: string | number): unknown {
    if (typeof value !== "string" && (typeof value !== "object" || value === null)) return value;
    this.#path.push(key);
    const next = this.#inside(value);
    this.#path.pop();
    return next;
  }

  #inside(value: string | object): unknown {
    if (typeof value === "string") return this.#string(value);
    return Array.isArray(value) ? this.#array(value) : this.#object(value as Record<string, unknown>);
  }

  #array(array: readonly unknown[]): readonly unknown[] {
    const next = array.map((item, index) => this.#value(item, index));
    if (next.every((item, index) => item === array[index])) return array;
    // A dropped item leaves its place, so that the others keep theirs.
    return next.map((item) => (item === DROPPED ? null : item));
  }

  #string(text: string): unknown {
    const { text: next, isDropped } = this.#find(text);
    return isDropped ? DROPPED : next;
  }

  #find(text: string): { text: string; isDropped: boolean } {
    const redacted = redactText(text, this.#allowed);
    if (redacted === null) return { text, isDropped: false };
    return { text: redacted.text, ...this.#record(redacted.classes) };
  }

  #record(classes: readonly PiiClass[]): { isDropped: boolean } {
    const pointer = pointerOf(this.#path);
    let isDropped = false;
    for (const piiClass of classes) {
      const finding = { pointer, class: piiClass };
      this.findings.push(finding);
      if (this.#policy[piiClass] === "reject") this.rejected ??= finding;
      if (this.#policy[piiClass] === "drop_field") isDropped = true;
    }
    return { isDropped };
  }
}

function pointerOf(path: readonly (string | number)[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
