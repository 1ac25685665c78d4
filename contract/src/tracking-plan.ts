// Tracking plans: which events a project sends and what each of them carries. Written by people as files in git, kept in
// versions by the control plane, read by the processor. What a schema may say: backend/src/tracking-plan/schema-rules.ts.

import * as z from "zod/mini";
import { unescapeKey } from "./json-pointer.ts";
import { LIMITS } from "./limits.ts";

/** What becomes of an event that breaks the plan: stored as it is, stored with a mark, or kept among the failed events. */
export const PLAN_MODES = ["off", "warn", "quarantine"] as const;
export type PlanMode = (typeof PLAN_MODES)[number];

/** What becomes of an event that the plan does not name. Never more than the plan's mode does. */
export const UNKNOWN_EVENTS = ["allow", "warn", "quarantine"] as const;
export type UnknownEvents = (typeof UNKNOWN_EVENTS)[number];

/** `alias` carries nothing that a plan could say anything about. */
export const PLANNED_TYPES = ["track", "page", "screen", "identify", "group"] as const;
export type PlannedType = (typeof PLANNED_TYPES)[number];

const EVENT_VERSION_MAX = 1_000;
const DESCRIPTION_MAX = 2_000;

/** One event of a plan: what one file of the folder holds. */
export const PlanEvent = z
  .strictObject({
    type: z._default(z.enum(PLANNED_TYPES), "track"),
    /** Name of a track event, a page or a screen. Absent for `identify` and `group`, and for pages without a rule of their own. */
    event: z.optional(z.string().check(z.minLength(1), z.maxLength(LIMITS.eventNameLength))),
    /** An event says which one it follows in `context.protocols.event_version`; one that says nothing follows the lowest. */
    version: z._default(z.int().check(z.gte(1), z.lte(EVENT_VERSION_MAX)), 1),
    description: z.optional(z.string().check(z.maxLength(DESCRIPTION_MAX))),
    /** JSON Schema of `properties`; of `traits` for `identify` and `group`. */
    schema: z.record(z.string(), z.json()),
  })
  .check((context) => {
    const { type, event } = context.value;
    const refuse = (message: string) =>
      context.issues.push({ code: "custom", path: ["event"], message, input: context.value });
    if (type === "track" && event === undefined) refuse("a track event needs a name");
    if ((type === "identify" || type === "group") && event !== undefined) refuse(`${type} has no name`);
  });
export type PlanEvent = z.infer<typeof PlanEvent>;

export const TrackingPlan = z.strictObject({
  mode: z.enum(PLAN_MODES),
  unknownEvents: z._default(z.enum(UNKNOWN_EVENTS), "allow"),
  events: z.array(PlanEvent).check(z.maxLength(LIMITS.planEvents)),
});
export type TrackingPlan = z.infer<typeof TrackingPlan>;

/** How a rule is told from the others of its plan. */
export function planEventName({ type, event, version }: Pick<PlanEvent, "type" | "event" | "version">): string {
  const name = event === undefined ? type : `${type} "${event}"`;
  return version === 1 ? name : `${name} version ${version}`;
}

const REFERENCE = /^#\/\$defs\/([^/]+)$/;

/** The name in `#/$defs/<name>`; null for any other reference. */
export function referencedName(reference: string): string | null {
  const name = REFERENCE.exec(reference)?.[1];
  return name === undefined ? null : unescapeKey(name);
}
