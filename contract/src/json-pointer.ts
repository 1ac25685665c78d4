// Places in an event: JSON pointers, cut to a bound because a client chooses every key on the way, and the list of personal data
// that was found, which grows to a bound as well.

import type { PiiFinding } from "./envelope.ts";
import { LIMITS } from "./limits.ts";

/** One part of a pointer, with its slash. */
export function pointerPart(key: string | number): string {
  if (typeof key === "number") return `/${key}`;
  const cut = key.length > LIMITS.pointerLength ? key.slice(0, LIMITS.pointerLength) : key;
  return `/${cut.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** At most 256 units, and well-formed. */
export function pointerOf(path: readonly (string | number)[]): string {
  let pointer = "";
  for (const key of path) {
    pointer += pointerPart(key);
    if (pointer.length >= LIMITS.pointerLength) break;
  }
  return cutPointer(pointer);
}

export function cutPointer(pointer: string): string {
  const cut = pointer.length > LIMITS.pointerLength ? pointer.slice(0, LIMITS.pointerLength) : pointer;
  return cut.toWellFormed();
}

/** The class of a last finding, with an empty pointer: there was more than is listed. All of it is masked. */
export const MORE_FINDINGS = "more";

/** What an event's list holds at most is 20 findings and that last one. @returns the units that its pointer takes */
export function addFinding(findings: PiiFinding[], path: readonly (string | number)[], piiClass: string): number {
  if (findings.length >= LIMITS.findingsPerEvent) {
    addMoreFindings(findings);
    return 0;
  }
  const pointer = pointerOf(path);
  findings.push({ pointer, class: piiClass });
  return pointer.length;
}

export function addMoreFindings(findings: PiiFinding[]): void {
  if (findings.at(-1)?.class !== MORE_FINDINGS) findings.push({ pointer: "", class: MORE_FINDINGS });
}
