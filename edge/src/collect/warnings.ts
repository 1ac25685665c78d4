// Collects the warnings of one request. A client controls their number and the length of their pointers, so both are bounded: 20
// warnings per event, and 200 in the answer with the number of omitted warnings. docs/API_DOCUMENTATION.md#answers.

import {
  boundedPointerPart,
  cutPointer,
  LIMITS,
  type Rejection,
  type Warning,
  type WarningCode,
} from "@behaviour/contract";
import { masked } from "../pii/masked.ts";

const HELD_POINTER_UNITS = 2 * LIMITS.pointerLength;

/** Longer than the pointer in the answer, and never cut within a key: personal data is masked before the final cut. */
function beginningOf(pointer: string): string {
  return pointer.length <= HELD_POINTER_UNITS
    ? pointer
    : pointer.slice(0, pointer.lastIndexOf("/", HELD_POINTER_UNITS));
}

/** A key in the pointer can itself be personal data. */
function told(pointer: string): string {
  return cutPointer(masked(pointer));
}

/** Warnings of one event, collected during its repair. */
export class EventWarnings {
  readonly kept: { code: WarningCode; pointer: string }[] = [];
  count = 0;
  /** A text or a key that was scanned has changed, and not only by truncation. */
  areTextsChanged = false;

  add(code: WarningCode, path: readonly (string | number)[]): void {
    if (code === "control_chars_removed" || code === "ill_formed_unicode") this.areTextsChanged = true;
    if (++this.count <= LIMITS.warningsPerEvent)
      this.kept.push({ code, pointer: beginningOf(path.map(boundedPointerPart).join("")) });
  }
}

/** More warnings are held than answered, because a later stage may reject an event, whose warnings are then omitted. */
const HELD_MAX = 5 * LIMITS.warningsPerRequest;

export class RequestWarnings {
  readonly #held: Warning[] = [];
  /** Number of warnings by the event's index, including warnings that are not held. */
  readonly #counts = new Map<number, number>();

  add(index: number, code: WarningCode, pointer: string): void {
    const count = this.#counts.get(index) ?? 0;
    this.#counts.set(index, count + 1);
    if (count >= LIMITS.warningsPerEvent || this.#held.length >= HELD_MAX) return;
    this.#held.push({ index, code, pointer: beginningOf(pointer) });
  }

  addAll(index: number, warnings: EventWarnings): void {
    for (const { code, pointer } of warnings.kept) this.add(index, code, pointer);
    this.addCut(index, warnings.count - warnings.kept.length);
  }

  /** Counts warnings that the answer does not list. */
  addCut(index: number, count: number): void {
    if (count > 0) this.#counts.set(index, (this.#counts.get(index) ?? 0) + count);
  }

  /** In the events' order, without the warnings of rejected events. */
  answer(rejected: readonly Rejection[]): { warnings: Warning[]; warningsCut?: number } {
    if (this.#counts.size === 0) return { warnings: [] };
    for (const { index } of rejected) this.#counts.delete(index);
    let count = 0;
    for (const ofEvent of this.#counts.values()) count += ofEvent;
    const warnings = this.#held
      .filter(({ index }) => this.#counts.has(index))
      .sort((a, b) => a.index - b.index)
      .slice(0, LIMITS.warningsPerRequest)
      .map(({ pointer, ...warning }) => ({ ...warning, ...(pointer === undefined ? {} : { pointer: told(pointer) }) }));
    return warnings.length === count ? { warnings } : { warnings, warningsCut: count - warnings.length };
  }
}
