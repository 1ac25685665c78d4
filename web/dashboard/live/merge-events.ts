/**
 * Merges the list of newest events from two sources: the stores' answer, and later events from the live tail. Pure.
 */
import type { EventRow } from "../api/types.ts";

/** The stores have an event within a second or two. If an event is still missing after this time, it will not appear. */
const ARRIVING_MS = 15_000;

/** The events that may still be missing in the stores' answer. */
export function stillArriving(arriving: readonly EventRow[], stored: readonly EventRow[], nowMs: number): EventRow[] {
  const known = new Set(stored.map(({ messageId }) => messageId));
  return arriving.filter((row) => !known.has(row.messageId) && nowMs - Date.parse(row.receivedAt) < ARRIVING_MS);
}

/** Newest first, each message once. If both sources have a message, the stored row wins. */
export function mergeEvents(stored: readonly EventRow[], arriving: readonly EventRow[], count: number): EventRow[] {
  const rows = new Map([...arriving, ...stored].map((row) => [row.messageId, row]));
  return [...rows.values()].sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp)).slice(0, count);
}
