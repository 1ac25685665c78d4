/**
 * What was refused while the page is open, as the live tail tells it: whole requests, and single events of requests that were
 * taken. Counted by code, newest first, so that a page with a wrong key or a wrong origin is seen here and not only in its
 * own console.
 */
import { signal } from "@preact/signals";

export interface RefusalRow {
  code: string;
  /** Where in the event or body; empty when that is not known. */
  pointer: string;
  message: string;
  count: number;
  /** RFC 3339, of the newest. */
  at: string;
}

/** One of `type` `refused`, or an event with `outcome` `rejected`. */
export interface RefusalTold {
  at?: string | undefined;
  code?: string | undefined;
  message?: string | undefined;
  pointer?: string | undefined;
}

const ROWS_MAX = 5;

export const refusals = signal<readonly RefusalRow[]>([]);

export function addRefusals(told: readonly RefusalTold[]): void {
  refusals.value = mergeRefusals(refusals.value, told);
}

export function forgetRefusals(): void {
  refusals.value = [];
}

/** @param told oldest first */
export function mergeRefusals(rows: readonly RefusalRow[], told: readonly RefusalTold[]): RefusalRow[] {
  const merged = [...rows];
  for (const { at = "", code = "", message = "", pointer = "" } of told) {
    const known = merged.findIndex((row) => row.code === code && row.pointer === pointer);
    const before = known < 0 ? 0 : (merged.splice(known, 1)[0]?.count ?? 0);
    merged.unshift({ code, pointer, message, at, count: before + 1 });
  }
  return merged.slice(0, ROWS_MAX);
}
