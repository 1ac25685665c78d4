/**
 * Collects the refusals that the live tail reports while the page is open: refused requests, and rejected events of accepted
 * requests. They are counted by code, newest first. So a page with a wrong key or a wrong origin is visible here and not only
 * in its own console.
 */
import { signal } from "@preact/signals";

export interface RefusalRow {
  code: string;
  /** The place in the event or body; empty if it is not known. */
  pointer: string;
  message: string;
  count: number;
  /** Time of the newest refusal, RFC 3339. */
  at: string;
}

/** A message of `type` `refused`, or an event with `outcome` `rejected`. */
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
