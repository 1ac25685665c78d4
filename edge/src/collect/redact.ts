// Stage 5: personal data stops here. Masked, dropped or refused as the project chose, and recorded as pointer and class;
// events in which none can be are not walked. DESIGN E7, API.md §3.

import { type KeyRecord, REJECTIONS } from "@behaviour/contract";
import { bodyMayHoldPii } from "../pii/hints.ts";
import { redactEvent } from "../pii/redact.ts";
import type { Judged, JudgedEvent } from "./judge.ts";
import type { ParsedBody } from "./parse.ts";

export function redact(judged: Judged, parsed: ParsedBody, key: KeyRecord): void {
  const bodyMayHold = judged.hasEscapes || bodyMayHoldPii(parsed.text);
  if (!bodyMayHold && !judged.events.some(({ mayHoldCard }) => mayHoldCard)) return;
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
