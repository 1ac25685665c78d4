// Defines tracking plans, which name the events that a project sends and their fields. People write them as files in git, the
// control plane keeps their versions, and the processor reads them. backend/src/tracking-plan/schema-rules.ts restricts the
// schemas.

import * as z from "zod/mini";
import { unescapeKey } from "./json-pointer.ts";
import { LIMITS } from "./limits.ts";

/** What happens to an event that breaks the plan: it is stored, stored with a mark, or stored as a failed event. */
export const PLAN_MODES = ["off", "warn", "quarantine"] as const;
export type PlanMode = (typeof PLAN_MODES)[number];

/** What happens to an event that the plan does not name. It is never stricter than the plan's mode. */
export const UNKNOWN_EVENTS = ["allow", "warn", "quarantine"] as const;
export type UnknownEvents = (typeof UNKNOWN_EVENTS)[number];

/** `alias` is missing, because it carries no field that a plan could describe. */
export const PLANNED_TYPES = ["track", "page", "screen", "identify", "group"] as const;
export type PlannedType = (typeof PLANNED_TYPES)[number];

const EVENT_VERSION_MAX = 1_000;
const DESCRIPTION_MAX = 2_000;

/** One event of a plan, the content of one file of the folder. */
export const PlanEvent = z
  .strictObject({
    type: z._default(z.enum(PLANNED_TYPES), "track"),
    /**
     * Name of a track event, a page or a screen. Absent for `identify` and `group`, and for pages without a rule of their own.
     */
    event: z.optional(z.string().check(z.minLength(1), z.maxLength(LIMITS.eventNameLength))),
    /** An event names its version in `context.protocols.event_version`. An event without it follows the lowest version. */
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

/** The name that distinguishes a rule from the other rules of its plan. */
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
