// Checks an event against the project's tracking plan. An event that breaks the plan is stored with a mark or kept among the
// failed events, according to the plan's mode. The check sees the event as the client sent it and as the edge and stage 4
// cleaned it, before anything is derived from it.

import type { PlanJudge } from "../tracking-plan/judge.ts";
import type { PlanViolation } from "../tracking-plan/violation.ts";
import type { DecodedRecord } from "./decode.ts";
import type { UnpackedEvent } from "./unpack.ts";

export type Planned =
  | { event: UnpackedEvent; quarantined: null; warned: boolean }
  | { event: UnpackedEvent; quarantined: { violation: PlanViolation; planVersion: number }; warned: false };

/** Key of a warning in the stored event's context: `{"version","code","pointer"}`. */
const MARK = "$plan";

export function applyPlan(sent: UnpackedEvent, judge: PlanJudge | undefined): Planned {
  const event = MARK in sent.context ? { ...sent, context: withoutMark(sent.context) } : sent;
  if (judge === undefined) return { event, quarantined: null, warned: false };
  const verdict = judge.judge(event);
  if (verdict.action === "store") return { event, quarantined: null, warned: false };
  const { violation } = verdict;
  if (verdict.action === "quarantine") {
    return { event, quarantined: { violation, planVersion: judge.version }, warned: false };
  }
  const mark = { version: judge.version, code: violation.code, pointer: violation.pointer };
  // A copy, because a batch's events may share one context.
  return { event: { ...event, context: { ...event.context, [MARK]: mark } }, quarantined: null, warned: true };
}

/** Removes a mark that the client sent. Only the plan may set it. */
function withoutMark(context: Record<string, unknown>): Record<string, unknown> {
  const { [MARK]: _sent, ...kept } = context;
  return kept;
}

/** The projects that have events in these records, and the projects that have replayed events. */
export function projectsOf(records: readonly DecodedRecord[]): { all: Set<string>; replayed: Set<string> } {
  const projects = { all: new Set<string>(), replayed: new Set<string>() };
  for (const { lines, replay } of records) {
    for (const line of lines) if (line.kind === "envelope") projects.all.add(line.envelope.project);
    if (replay !== null) projects.replayed.add(replay.project);
  }
  return projects;
}
