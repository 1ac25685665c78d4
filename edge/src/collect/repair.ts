// Repairs one event: writes it in the form that is stored, with a warning for each repair. A value is repaired if its intent is
// clear. Only an item that cannot become an event is rejected (judge.ts). docs/API_DOCUMENTATION.md#answers.

import { hasControl, type JsonObject, LIMITS } from "@behaviour/contract";
import { quoteUnsafeNumbers } from "./unsafe-numbers.ts";
import { EventWarnings } from "./warnings.ts";

export interface Repaired {
  event: JsonObject;
  warnings: EventWarnings;
}

/**
 * Prefix of the text that replaces a number which a double would round. It is secret, so no string of a client is mistaken for a
 * number. Created with the first such number: the runtime provides no random numbers before the first request.
 */
let mark = "";
/** Twelve digits of the mark are random. */
const MARK_LENGTH = 13;

/**
 * Parses the event again from its own text, so that no number is rounded. A reviver would be called with the text of every value,
 * which takes thirty times as long as the parser. So the numbers that would be rounded are turned into texts before parsing.
 */
export function parseKeepingNumbers(text: string): JsonObject {
  mark ||= crypto.randomUUID().slice(0, MARK_LENGTH);
  return JSON.parse(quoteUnsafeNumbers(text, mark)) as JsonObject;
}

/** Keys and indices down to the current value. A pointer is built only for a warning that is kept. */
type Path = (string | number)[];

/** @param event within the limits of depth, keys and nodes. */
export function repair(event: JsonObject): Repaired {
  const warnings = new EventWarnings();
  return { event: repairObject(event, [], warnings), warnings };
}

/** Repairs one member of the object at `path`, and writes it into `repaired` unless its key is invalid. */
export function repairMember(object: JsonObject, key: string, path: Path, repaired: JsonObject): EventWarnings {
  const warnings = new EventWarnings();
  repairInto(repaired, object, key, path, warnings);
  return warnings;
}

function repairValue(value: unknown, path: Path, warnings: EventWarnings): unknown {
  if (typeof value === "string") return repairText(value, path, warnings);
  if (Array.isArray(value)) return repairArray(value, path, warnings);
  if (typeof value === "object" && value !== null) return repairObject(value as JsonObject, path, warnings);
  return value;
}

function repairArray(array: readonly unknown[], path: Path, warnings: EventWarnings): unknown[] {
  return array.map((item, index) => {
    path.push(index);
    const repaired = repairValue(item, path, warnings);
    path.pop();
    return repaired;
  });
}

function repairObject(object: JsonObject, path: Path, warnings: EventWarnings): JsonObject {
  const repaired: JsonObject = {};
  for (const key of Object.keys(object)) repairInto(repaired, object, key, path, warnings);
  return repaired;
}

function repairInto(repaired: JsonObject, object: JsonObject, key: string, path: Path, warnings: EventWarnings): void {
  path.push(key);
  if (key === "__proto__") {
    warnings.add("forbidden_key", path);
  } else if (key.length === 0 || key.length > LIMITS.keyLength || hasControl(key)) {
    warnings.add("invalid_key", path);
  } else {
    const name = key.toWellFormed();
    if (name !== key) warnings.add("ill_formed_unicode", path);
    repaired[name] = repairValue(object[key], path, warnings);
  }
  path.pop();
}

function repairText(text: string, path: Path, warnings: EventWarnings): string {
  if (mark === "" || !text.startsWith(mark)) return repairString(text, path, warnings);
  warnings.add("number_as_text", path);
  return text.slice(mark.length);
}

function repairString(text: string, path: Path, warnings: EventWarnings): string {
  let repaired = text;
  if (!repaired.isWellFormed()) {
    repaired = repaired.toWellFormed();
    warnings.add("ill_formed_unicode", path);
  }
  // An id or a name with control characters is rejected, not cleaned: judge.ts checks ids and names before this repair.
  if (hasControl(repaired)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
    repaired = repaired.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
    warnings.add("control_chars_removed", path);
  }
  if (repaired.length > LIMITS.stringLength) {
    // Never cut between the halves of a surrogate pair.
    repaired = repaired.slice(0, LIMITS.stringLength);
    if (!repaired.isWellFormed()) repaired = repaired.slice(0, -1);
    warnings.add("string_truncated", path);
  }
  return repaired;
}
