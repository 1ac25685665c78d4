// Reading text out of what clients send: anything else is absent, never an error.

import type { JsonObject } from "@behaviour/contract";

/** The text, or null when it is absent, empty or of another type. */
export function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** The text of a string or a number, or null. */
export function scalarText(value: unknown): string | null {
  return typeof value === "number" ? String(value) : textOrNull(value);
}

export function objectAt(object: JsonObject, key: string): JsonObject | null {
  const value = object[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}
