// A batch's own context, looked at and repaired once for all the events it is merged into: 2,500 of them would each repair it anew.
// What it was repaired of is told with every event that has it, as if it had stood there. docs/API_DOCUMENTATION.md#answers.

import { isObject, type JsonObject, LIMITS } from "@behaviour/contract";
import { ALL_PII } from "../pii/classes.ts";
import type { EventTexts } from "./event-texts.ts";
import type { ParsedBody } from "./parse.ts";
import { repairMember } from "./repair.ts";
import { FOUND, scan } from "./scan.ts";
import type { EventWarnings, RequestWarnings } from "./warnings.ts";

/** Beyond a limit it is left as it is: each event that has it is refused. */
const BROKEN = FOUND.tooDeep | FOUND.tooManyKeys | FOUND.tooManyNodes;

export class BatchContext {
  /** A lower bound of its text, as `scan` tells one. */
  readonly size: number;
  readonly isRepaired: boolean;
  /** Classes of personal data that can be in it for what was repaired. */
  readonly mayHold = ALL_PII;
  /** By the member's name as sent. */
  readonly #warnings = new Map<string, EventWarnings>();

  /** Changes `parsed`: what is merged, and known again by identity, is what was repaired. */
  constructor(parsed: ParsedBody, context: JsonObject, care: boolean, mayHold: number, texts: EventTexts) {
    const { found, size } = scan({ context }, care, mayHold);
    this.size = size;
    this.isRepaired = (found & FOUND.needsRepair) !== 0 && (found & BROKEN) === 0;
    if (this.isRepaired)
      parsed.batchContext = this.#repair(found & FOUND.unsafeNumber ? texts.batchContext() : context);
  }

  #repair(context: JsonObject): JsonObject {
    const repaired: JsonObject = {};
    for (const name of Object.keys(context)) {
      const warnings = repairMember(context, name, ["context"], repaired);
      if (warnings.count > 0) this.#warnings.set(name, warnings);
    }
    return repaired;
  }

  /** What the event did not replace by a member of its own. @param own its context as sent */
  warn(index: number, own: unknown, into: RequestWarnings): void {
    const members = isObject(own) ? own : {};
    let told = 0;
    for (const [name, warnings] of this.#warnings) {
      if (Object.hasOwn(members, name)) continue;
      if (told < LIMITS.warningsPerEvent) into.addAll(index, warnings);
      else into.addCut(index, warnings.count);
      told += warnings.count;
    }
  }
}
