// Stage 5: personal data stops here. Masked, dropped or refused as the project chose, and recorded as pointer and class;
// events in which none can be are not walked. DESIGN E7, API.md §3.

import { isObject, type KeyRecord, REJECTIONS } from "@behaviour/contract";
import { bodyMayHoldPii } from "../pii/hints.ts";
import { redactEvent } from "../pii/redact.ts";
import { cutAddresses } from "./addresses.ts";
import type { Judged, JudgedEvent } from "./judge.ts";
import type { ParsedBody } from "./parse.ts";
import { mayTravelAsSent } from "./untouched.ts";

export function redact(judged: Judged, parsed: ParsedBody, key: KeyRecord): void {
  for (const judgedEvent of judged.events) cutIn(judgedEvent, judged, key);
  const bodyMayHold = judged.hasEscapes || bodyMayHoldPii(parsed.text);
  if (bodyMayHold || judged.events.some(({ mayHoldCard }) => mayHoldCard)) mask(judged, key, bodyMayHold);
  if (judged.clean && !mayTravelAsSent(parsed)) judged.clean = false;
}

/** Addresses are cut, not masked: that is no finding. */
function cutIn(judgedEvent: JudgedEvent, judged: Judged, key: KeyRecord): void {
  const { context } = judgedEvent.event;
  if (!judgedEvent.mayHoldAddress && !(isObject(context) && "ip" in context)) return;
  const event = cutAddresses(judgedEvent.event, key.kind === "secret");
  if (event === judgedEvent.event) return;
  judgedEvent.event = event;
  judged.clean = false;
}

function mask(judged: Judged, key: KeyRecord, bodyMayHold: boolean): void {
  const kept: JudgedEvent[] = [];
  for (const judgedEvent of judged.events) {
    const isLookedAt = bodyMayHold || judgedEvent.mayHoldCard;
    const redacted = isLookedAt ? redactEvent(judgedEvent.event, key.settings.pii ?? {}) : null;
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
    for (const { pointer } of redacted.findings) judged.warnings.push({ index, code: "pii_redacted", pointer });
    kept.push({ ...judgedEvent, event: redacted.event, pii: redacted.findings });
  }
  judged.events = kept;
}
