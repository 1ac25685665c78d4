// Keeps the list of the personal data that was found in an event: the place and the class of each. The list is bounded.

import type { PiiFinding } from "./envelope.ts";
import { boundedPointer } from "./json-pointer.ts";
import { LIMITS } from "./limits.ts";

/** The class of a last finding with an empty pointer: the event has more personal data than the list. All of it is masked. */
export const MORE_FINDINGS = "more";

/** An event's list holds at most 20 findings and the last one. @returns the length of the added pointer in UTF-16 units */
export function addFinding(findings: PiiFinding[], path: readonly (string | number)[], piiClass: string): number {
  if (findings.length >= LIMITS.findingsPerEvent) {
    addMoreFindings(findings);
    return 0;
  }
  const pointer = boundedPointer(path);
  findings.push({ pointer, class: piiClass });
  return pointer.length;
}

export function addMoreFindings(findings: PiiFinding[]): void {
  if (findings.at(-1)?.class !== MORE_FINDINGS) findings.push({ pointer: "", class: MORE_FINDINGS });
}
