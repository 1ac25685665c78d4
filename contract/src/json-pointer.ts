// Writes JSON pointers (RFC 6901), which name a place in a JSON value. The bounded pointers name a place in an event, where a
// client chooses every key of the path.

import { LIMITS } from "./limits.ts";

/** Escapes a key for a pointer. */
export function escapeKey(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

export function unescapeKey(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** The pointer of a path whose length is bounded elsewhere. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${escapeKey(String(key))}`).join("");
}

/** One part of a bounded pointer, with the slash before it. */
export function boundedPointerPart(key: string | number): string {
  if (typeof key === "number") return `/${key}`;
  return `/${escapeKey(key.length > LIMITS.pointerLength ? key.slice(0, LIMITS.pointerLength) : key)}`;
}

/** At most 256 units, and well-formed. */
export function boundedPointer(path: readonly (string | number)[]): string {
  let pointer = "";
  for (const key of path) {
    pointer += boundedPointerPart(key);
    if (pointer.length >= LIMITS.pointerLength) break;
  }
  return cutPointer(pointer);
}

export function cutPointer(pointer: string): string {
  const cut = pointer.length > LIMITS.pointerLength ? pointer.slice(0, LIMITS.pointerLength) : pointer;
  return cut.toWellFormed();
}
