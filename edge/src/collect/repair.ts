// The slow look at one event: writes it anew as it is stored, with a warning for each repair. Repair where the intent is
// clear, reject only what can't be made an event (that is judge.ts). API.md §1.

import { LIMITS, pointerPart } from "@behaviour/contract";
import type { JsonObject } from "./parse.ts";
import { hasControl } from "./scan.ts";
import { EventWarnings } from "./warnings.ts";

export interface Repaired {
  event: JsonObject;
  warnings: EventWarnings;
}

/** An integer beyond ±(2⁵³−1) or a number no double holds, as its text. */
class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type ReviverContext = { source?: string };

/**
 * The event parsed again from its own text, so that no number in it was rounded.
 * Only for events within the depth limit: the reviver recurses.
 */
export function parseKeepingNumbers(text: string): JsonObject {
  const reviver = (_key: string, value: unknown, context?: ReviverContext): unknown =>
    typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER && context?.source !== undefined
      ? new NumberText(context.source)
      : value;
  return JSON.parse(text, reviver) as JsonObject;
}

/** @param event within the limits of depth, keys and nodes. */
export function repair(event: JsonObject): Repaired {
  const warnings = new EventWarnings();
  return { event: repairObject(event, "", warnings), warnings };
}

function repairValue(value: unknown, pointer: string, warnings: EventWarnings): unknown {
  if (typeof value === "string") return repairString(value, pointer, warnings);
  if (value instanceof NumberText) {
    warnings.add("number_as_text", pointer);
    return value.text;
  }
  if (Array.isArray(value)) return value.map((item, index) => repairValue(item, `${pointer}/${index}`, warnings));
  if (typeof value === "object" && value !== null) return repairObject(value as JsonObject, pointer, warnings);
  return value;
}

function repairObject(object: JsonObject, pointer: string, warnings: EventWarnings): JsonObject {
  const repaired: JsonObject = {};
  for (const key of Object.keys(object)) {
    const at = pointer + pointerPart(key);
    if (key === "__proto__") {
      warnings.add("forbidden_key", at);
    } else if (key.length === 0 || key.length > LIMITS.keyLength || hasControl(key)) {
      warnings.add("invalid_key", at);
    } else {
      const name = key.toWellFormed();
      if (name !== key) warnings.add("ill_formed_unicode", at);
      repaired[name] = repairValue(object[key], at, warnings);
    }
  }
  return repaired;
}

function repairString(text: string, pointer: string, warnings: EventWarnings): string {
  let repaired = text;
  if (!repaired.isWellFormed()) {
    repaired = repaired.toWellFormed();
    warnings.add("ill_formed_unicode", pointer);
  }
  // An id or a name with control characters is rejected, not cleaned: judge.ts looks at those before this.
  if (hasControl(repaired)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
    repaired = repaired.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
    warnings.add("control_chars_removed", pointer);
  }
  if (repaired.length > LIMITS.stringLength) {
    // Never between the halves of a pair.
    repaired = repaired.slice(0, LIMITS.stringLength);
    if (!repaired.isWellFormed()) repaired = repaired.slice(0, -1);
    warnings.add("string_truncated", pointer);
  }
  return repaired;
}
