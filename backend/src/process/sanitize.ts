// Makes a parsed value storable, in place. The edge has already checked and repaired it. This is the second defence, because one
// NUL makes a tier's database refuse a whole batch. It also checks the limits. A value beyond a limit cannot have come through
// the edge and is reported by its JSON pointer. docs/API_DOCUMENTATION.md#answers and #sending-events.

import { escapeKey, hasControl, type JsonObject, LIMITS } from "@behaviour/contract";
import { cleanText } from "../clean-text.ts";

/** The number of values that the event may still have. The parts of one event share it. */
export interface NodeBudget {
  nodes: number;
}

/** The edge assigns a missing messageId after it has counted. This adds one value, and one key of the event. */
const ASSIGNED_FIELDS = 1;

export function nodeBudget(): NodeBudget {
  return { nodes: LIMITS.nodesPerEvent + ASSIGNED_FIELDS };
}

/**
 * Cleans `object` and everything below it, in place.
 * @param depth of the object itself; the event is 1.
 * @param mayHoldEscapes false if the line held no backslash; then no string can hold a control character or lone surrogate.
 * @returns null, or the JSON pointer of the value that exceeds a limit, relative to `object`.
 */
export function sanitizeObject(
  object: JsonObject,
  depth: number,
  budget: NodeBudget,
  mayHoldEscapes: boolean,
): string | null {
  if (depth > LIMITS.depth || --budget.nodes < 0) return "";
  let keys = 0;
  for (const key in object) {
    if (!keyIsStorable(key, mayHoldEscapes)) {
      delete object[key];
      continue;
    }
    if (++keys > LIMITS.keysPerObject + ASSIGNED_FIELDS) return "";
    const value = object[key];
    switch (typeof value) {
      case "string":
        budget.nodes--;
        if (mayHoldEscapes || value.length > LIMITS.stringLength) object[key] = cleanText(value);
        break;
      case "object": {
        const pointer = sanitizeChild(value, depth, budget, mayHoldEscapes);
        if (pointer !== null) return `/${escapeKey(key)}${pointer}`;
        break;
      }
      default:
        budget.nodes--;
        // `1e400` parses to Infinity. JSON would write Infinity as null.
        if (typeof value === "number" && !Number.isFinite(value)) object[key] = String(value);
    }
  }
  return budget.nodes < 0 ? "" : null;
}

function sanitizeArray(array: unknown[], depth: number, budget: NodeBudget, mayHoldEscapes: boolean): string | null {
  if (depth > LIMITS.depth || --budget.nodes < 0) return "";
  for (let index = 0; index < array.length; index++) {
    const value = array[index];
    if (typeof value === "string") {
      budget.nodes--;
      if (mayHoldEscapes || value.length > LIMITS.stringLength) array[index] = cleanText(value);
    } else if (typeof value === "object") {
      const pointer = sanitizeChild(value, depth, budget, mayHoldEscapes);
      if (pointer !== null) return `/${index}${pointer}`;
    } else {
      budget.nodes--;
      if (typeof value === "number" && !Number.isFinite(value)) array[index] = String(value);
    }
    if (budget.nodes < 0) return "";
  }
  return null;
}

function sanitizeChild(
  value: object | null,
  depth: number,
  budget: NodeBudget,
  mayHoldEscapes: boolean,
): string | null {
  if (value === null) {
    budget.nodes--;
    return null;
  }
  return Array.isArray(value)
    ? sanitizeArray(value, depth + 1, budget, mayHoldEscapes)
    : sanitizeObject(value as JsonObject, depth + 1, budget, mayHoldEscapes);
}

function keyIsStorable(key: string, mayHoldEscapes: boolean): boolean {
  if (key.length === 0 || key.length > LIMITS.keyLength || key === "__proto__") return false;
  return !mayHoldEscapes || (!hasControl(key) && key.isWellFormed());
}
