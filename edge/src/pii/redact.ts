// Personal data stops at the edge: before anything is written, what looks like it in values and URLs is masked, or what else
// the project chose for its class. Cheap native searches over the whole body decide whether any event is looked at. DESIGN E7.

import { isObject, type ProjectSettings } from "@behaviour/contract";
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

const LOOKED_AT = ["properties", "traits", "context"] as const;

/**
 * Looks at every string of `properties`, `traits` and `context`; ids are not masked (they become surrogates).
 * @returns null when nothing was found; the event given is never changed.
 */
export function redactEvent(event: Record<string, unknown>, policy: PiiPolicy): RedactedEvent | null {
  const redaction = new Redaction(policy);
  let redacted = event;
  for (const field of LOOKED_AT) {
    const value = event[field];
    if (!isObject(value)) continue;
    const next = redaction.field(field, value);
    if (next !== value) redacted = { ...redacted, [field]: next };
  }
  const { findings, rejected } = redaction;
  return findings.length === 0 ? null : { event: redacted, findings, rejected };
}

const DROPPED = Symbol("dropped");

class Redaction {
  readonly findings: PiiFinding[] = [];
  rejected: PiiFinding | null = null;
  /** Keys and indices down to the value that is looked at: a pointer is written only for a finding. */
  readonly #path: (string | number)[] = [];
  readonly #policy: PiiPolicy;
  readonly #allowed: ReadonlySet<PiiClass>;

  constructor(policy: PiiPolicy) {
    this.#policy = policy;
    this.#allowed = new Set((Object.keys(policy) as PiiClass[]).filter((name) => policy[name] === "allow"));
  }

  /** The same object when nothing in it was touched. */
  field(name: string, object: Record<string, unknown>): Record<string, unknown> {
    this.#path.push(name);
    const next = this.#object(object);
    this.#path.pop();
    return next;
  }

  #object(object: Record<string, unknown>): Record<string, unknown> {
    let copy: Record<string, unknown> | null = null;
    for (const key of Object.keys(object)) {
      const value = object[key];
      const next = this.#value(value, key);
      if (next === value) continue;
      copy ??= { ...object };
      if (next === DROPPED) delete copy[key];
      else copy[key] = next;
    }
    return copy ?? object;
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
    const redacted = redactText(text, this.#allowed);
    if (redacted === null) return text;
    const pointer = pointerOf(this.#path);
    let dropped = false;
    for (const piiClass of redacted.classes) {
      const finding = { pointer, class: piiClass };
      this.findings.push(finding);
      if (this.#policy[piiClass] === "reject") this.rejected ??= finding;
      if (this.#policy[piiClass] === "drop_field") dropped = true;
    }
    return dropped ? DROPPED : redacted.text;
  }
}

function pointerOf(path: readonly (string | number)[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
