/**
 * The list of newest events out of its two sources: what the stores answered, and what the live tail told since. Pure.
 */
import type { EventRow } from "../api/types.ts";

/** The stores have an event within a second or two; one they have not after this long they will not show. */
const ARRIVING_MS = 15_000;

/** Those that may still be missing in the stores' answer. */
export function stillArriving(arriving: readonly EventRow[], stored: readonly EventRow[], nowMs: number): EventRow[] {
  const known = new Set(stored.map(({ messageId }) => messageId));
  return arriving.filter((row) => !known.has(row.messageId) && nowMs - Date.parse(row.receivedAt) < ARRIVING_MS);
}

/** Newest first, each message once; the stores' word on it counts. */
export function mergeEvents(stored: readonly EventRow[], arriving: readonly EventRow[], count: number): EventRow[] {
  const rows = new Map([...arriving, ...stored].map((row) => [row.messageId, row]));
  return [...rows.values()].sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp)).slice(0, count);
}
