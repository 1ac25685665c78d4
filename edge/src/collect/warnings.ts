// The warnings of one request. A client chooses how many there are and how long their pointers, so all of it is bounded: 20 of an
// event, 200 in the answer, and how many more there were as a number. docs/API_DOCUMENTATION.md#answers.

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

/** More than is told of it, and no half of a key: personal data is looked for in it before it is cut. */
function beginningOf(pointer: string): string {
  return pointer.length <= HELD_POINTER_UNITS
    ? pointer
    : pointer.slice(0, pointer.lastIndexOf("/", HELD_POINTER_UNITS));
}

/** A key on the way can be the datum. */
function told(pointer: string): string {
  return cutPointer(masked(pointer));
}

/** Warnings of one event while it is looked at. */
export class EventWarnings {
  readonly kept: { code: WarningCode; pointer: string }[] = [];
  count = 0;
  /** A text or a key is another than the one that was looked at, by more than its end. */
  areTextsChanged = false;

  add(code: WarningCode, path: readonly (string | number)[]): void {
    if (code === "control_chars_removed" || code === "ill_formed_unicode") this.areTextsChanged = true;
    if (++this.count <= LIMITS.warningsPerEvent)
      this.kept.push({ code, pointer: beginningOf(path.map(boundedPointerPart).join("")) });
  }
}

/** Some of the events may be refused later, and take their warnings with them: so more are held than are told. */
const HELD_MAX = 5 * LIMITS.warningsPerRequest;

export class RequestWarnings {
  readonly #held: Warning[] = [];
  /** By the event's index; warnings that are not held count. */
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

  /** So many more, which are not told. */
  addCut(index: number, count: number): void {
    if (count > 0) this.#counts.set(index, (this.#counts.get(index) ?? 0) + count);
  }

  /** In the events' order; of a rejected event none. */
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
