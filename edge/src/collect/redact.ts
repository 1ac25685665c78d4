// Masks personal data, drops it or rejects its event, as the project chose, and records each finding as pointer and class.
// Events that cannot hold personal data are not walked (scan.ts decides). E7, docs/API_DOCUMENTATION.md#sending-events.

import { isObject, type KeyRecord, REJECTIONS } from "@behaviour/contract";
import { NO_PII } from "../pii/classes.ts";
import { RequestRedaction } from "../pii/redact.ts";
import { cutAddresses } from "./addresses.ts";
import type { Judged, JudgedEvent } from "./judge.ts";
import type { ParsedBody } from "./parse.ts";
import { mayTravelAsSent } from "./untouched.ts";

export function redact(judged: Judged, parsed: ParsedBody, key: KeyRecord): void {
  for (const judgedEvent of judged.events) cutIn(judgedEvent, judged, key);
  if (judged.events.some(({ mayHold }) => mayHold !== NO_PII)) mask(judged, parsed, key);
  // A body that the fast lane accepts has no unchecked fields beside its events.
  if (judged.clean && parsed.skimmed === null && !mayTravelAsSent(parsed)) judged.clean = false;
}

/** Addresses are cut, not masked, so they are not recorded as findings. */
function cutIn(judgedEvent: JudgedEvent, judged: Judged, key: KeyRecord): void {
  if (judgedEvent.isOrdinary === true) return;
  const { context } = judgedEvent.event;
  if (!judgedEvent.mayHoldAddress && !(isObject(context) && "ip" in context)) return;
  const event = cutAddresses(judgedEvent.event, key.kind === "secret");
  if (event === judgedEvent.event) return;
  judgedEvent.event = event;
  judged.clean = false;
}

function mask(judged: Judged, parsed: ParsedBody, key: KeyRecord): void {
  const redaction = new RequestRedaction(key.settings.pii ?? {}, judged.mayHold, parsed.batchContext);
  const kept: JudgedEvent[] = [];
  for (const judgedEvent of judged.events) {
    const redacted = judgedEvent.mayHold === NO_PII ? null : redaction.redact(judgedEvent.event, judgedEvent.mayHold);
    if (redacted === null) {
      kept.push(judgedEvent);
      continue;
    }
    const { index, messageId } = judgedEvent;
    judged.clean = false;
    if (redacted.rejected !== null) {
      const { pointer } = redacted.rejected;
      judged.rejected.push({ index, messageId, code: "personal_data", message: REJECTIONS.personal_data, pointer });
      continue;
    }
    for (const { pointer } of redacted.findings) judged.warnings.add(index, "pii_redacted", pointer);
    kept.push({ ...judgedEvent, event: redacted.event, pii: redacted.findings });
  }
  judged.events = kept;
}
