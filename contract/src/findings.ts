// The list of the personal data that was found in an event: where it was, and its class. The list has a bound.

import type { PiiFinding } from "./envelope.ts";
import { boundedPointer } from "./json-pointer.ts";
import { LIMITS } from "./limits.ts";

/** The class of a last finding, with an empty pointer: there was more than is listed. All of it is masked. */
export const MORE_FINDINGS = "more";

/** What an event's list holds at most is 20 findings and that last one. @returns the units that its pointer takes */
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
