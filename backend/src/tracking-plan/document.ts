// Checks a whole plan on entry, for the admin API and for the command line without a server. No code checks it again, because
// every published plan has passed here. Pure. Bad input is a value that says where the problem is.

import { gzipSync } from "node:zlib";
import { LIMITS, PLAN_MODES, planEventName, TrackingPlan, UNKNOWN_EVENTS } from "@behaviour/contract";
import { compileSchema } from "./compile.ts";
import { findSchemaProblem } from "./schema-rules.ts";

export interface PlanProblem {
  /** JSON pointer into the plan. */
  pointer: string;
  message: string;
}

export type CheckedPlan = { ok: true; plan: TrackingPlan } | { ok: false; problems: PlanProblem[] };

const PROBLEMS_MAX = 20;

export function checkPlan(input: unknown): CheckedPlan {
  const parsed = TrackingPlan.safeParse(input);
  if (!parsed.success) {
    const problems = parsed.error.issues.slice(0, PROBLEMS_MAX).map(({ path, message }) => {
      return { pointer: path.map((part) => `/${String(part)}`).join(""), message };
    });
    return { ok: false, problems };
  }
  const plan = parsed.data;
  const problems = [...contradictions(plan), ...badSchemas(plan)];
  if (problems.length === 0 && tooLarge(plan)) {
    problems.push({ pointer: "/events", message: `the plan is larger than ${LIMITS.planBytes} bytes of JSON` });
  }
  return problems.length === 0 ? { ok: true, plan } : { ok: false, problems: problems.slice(0, PROBLEMS_MAX) };
}

function contradictions({ mode, unknownEvents, events }: TrackingPlan): PlanProblem[] {
  const problems: PlanProblem[] = [];
  // Both lists are in order of strictness; `allow` corresponds to `off`.
  if (UNKNOWN_EVENTS.indexOf(unknownEvents) > PLAN_MODES.indexOf(mode)) {
    problems.push({ pointer: "/unknownEvents", message: `cannot be stricter than the mode, which is ${mode}` });
  }
  const seen = new Set<string>();
  for (const [index, event] of events.entries()) {
    const name = planEventName(event);
    if (seen.has(name)) problems.push({ pointer: `/events/${index}`, message: `${name} stands there twice` });
    seen.add(name);
  }
  return problems;
}

function badSchemas({ events }: TrackingPlan): PlanProblem[] {
  const problems: PlanProblem[] = [];
  for (const [index, { schema }] of events.entries()) {
    const place = `/events/${index}/schema`;
    const problem = findSchemaProblem(schema);
    if (problem !== null) {
      problems.push({ pointer: `${place}${problem.pointer}`, message: problem.message });
      continue;
    }
    try {
      compileSchema(schema);
    } catch (error) {
      // The compiler rejects some schemas that the rules accept, such as a property that is both required and false.
      problems.push({ pointer: place, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return problems;
}

function tooLarge(plan: TrackingPlan): boolean {
  const json = JSON.stringify(plan);
  return Buffer.byteLength(json) > LIMITS.planBytes || gzipSync(json).byteLength > LIMITS.planPackedBytes;
}
