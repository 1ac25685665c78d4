// Keeps an event that breaks its project's tracking plan among the failed events, with the violation, once the person's
// surrogate is known.

import { cutPointer, MORE_FINDINGS } from "@behaviour/contract";
import type { KeptFailure } from "../failed/index.ts";
import type { PlanViolation } from "../tracking-plan/violation.ts";
import type { Subjects } from "../vault/index.ts";
import { eventPayload, type FailureSite, failedEvent } from "./failure.ts";
import type { EventRedaction } from "./personal-data.ts";
import { originalLine, redactedLine } from "./replay-line.ts";
import type { Planned } from "./tracking-plan.ts";
import type { Identity, UnpackedEvent } from "./unpack.ts";

/** An event that breaks its plan and lacks only the person's surrogate. */
export interface BrokenEvent {
  site: FailureSite;
  identity: Identity;
  event: UnpackedEvent;
  violation: PlanViolation;
  planVersion: number;
  original: string | undefined;
}

/** @param inRequest the event's place among the events of its request. */
export function quarantine(
  { violation, planVersion }: NonNullable<Planned["quarantined"]>,
  event: UnpackedEvent,
  redacted: EventRedaction | null,
  { site, inRequest }: { site: FailureSite; inRequest: number },
): BrokenEvent {
  const { envelope, identity } = event;
  const original =
    redacted === null ? originalLine(envelope, inRequest) : redactedLine(envelope, inRequest, event, redacted.findings);
  return { site, identity, event, violation: withoutValue(violation, redacted), planVersion, original };
}

/** The plan checked the event as it was sent. The value that broke a rule may have been masked since. */
function withoutValue(violation: PlanViolation, redacted: EventRedaction | null): PlanViolation {
  // Traits may have been sent only in the context. If not every finding is listed, any value may have been masked.
  const places = [violation.pointer, `/context${violation.pointer}`].map(cutPointer);
  const found = redacted?.findings.find(
    ({ pointer, class: piiClass }) => places.includes(pointer) || piiClass === MORE_FINDINGS,
  );
  return found === undefined ? violation : { ...violation, actual: `[${found.class}]` };
}

export function quarantined(broken: BrokenEvent, { subject }: Subjects): KeptFailure {
  const { site, violation, planVersion, original } = broken;
  const { code, pointer, limit, actual } = violation;
  return {
    ...failedEvent(site, { code, pointer }, eventPayload(broken.event)),
    ...(limit === "" ? {} : { limit }),
    actual,
    planVersion,
    subject,
    ...(original === undefined ? {} : { original }),
  };
}
