// Scans and repairs a batch's own context once for all events that it is merged into. 2,500 events would each repair it again.
// An event that inherits a repaired member gets the member's warnings, as if it had carried the member itself.
// docs/API_DOCUMENTATION.md#answers.

import { isObject, type JsonObject, LIMITS } from "@behaviour/contract";
import { ALL_PII } from "../pii/classes.ts";
import type { EventTexts } from "./event-texts.ts";
import type { ParsedBody } from "./parse.ts";
import { repairMember } from "./repair.ts";
import { FOUND, scan } from "./scan.ts";
import type { EventWarnings, RequestWarnings } from "./warnings.ts";

/** A context that breaks a limit is not repaired: each event that inherits it is rejected. */
const BROKEN = FOUND.tooDeep | FOUND.tooManyKeys | FOUND.tooManyNodes;

export class BatchContext {
  /** A lower bound of the size of the context's text, computed by `scan`. */
  readonly size: number;
  readonly isRepaired: boolean;
  /** Classes of personal data that a repaired context can hold. */
  readonly mayHold = ALL_PII;
  /** By the member's name as sent. */
  readonly #warnings = new Map<string, EventWarnings>();

  /** Changes `parsed`: the repaired context is merged into the events, and later recognized by identity. */
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

  /** Adds the warnings of the members that the event does not override. @param own the event's context as sent */
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
