// Reads text from values that clients send. A value of another type counts as absent, never as an error.

import type { JsonObject } from "@behaviour/contract";

/** The text, or null if the value is absent, empty or of another type. */
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
