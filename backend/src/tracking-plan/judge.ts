// Checks events against a plan. A schema is compiled when its first event arrives, so a plan of a thousand events costs a
// process only the schemas that it uses. Pure.

import { isObject, type PlanEvent, planEventName, type TrackingPlan } from "@behaviour/contract";
import { describeValue } from "../personal-data/plain-text.ts";
import { compileSchema, type SchemaValidator } from "./compile.ts";
import { type PlanViolation, violationOf } from "./violation.ts";

/** The parts of an event that a plan checks. */
export interface CheckedEvent {
  type: string;
  /** Name of a track event, a page or a screen. */
  name: string | null;
  properties: Record<string, unknown>;
  traits: Record<string, unknown>;
  context: Record<string, unknown>;
}

export type PlanVerdict =
  | { action: "store" }
  /** The event is stored with a mark, or kept among the failed events. */
  | { action: "warn" | "quarantine"; violation: PlanViolation };

const STORE: PlanVerdict = { action: "store" };

interface Rule {
  event: PlanEvent;
  validate?: SchemaValidator;
}

export class PlanJudge {
  readonly version: number;
  readonly #plan: TrackingPlan;
  /** By type and name, the versions of an event in ascending order. */
  readonly #rules = new Map<string, Rule[]>();
  readonly #types = new Set<string>();

  constructor(plan: TrackingPlan, version: number) {
    this.version = version;
    this.#plan = plan;
    const events = plan.mode === "off" ? [] : plan.events.toSorted((a, b) => a.version - b.version);
    for (const event of events) {
      const key = ruleKey(event.type, event.event ?? null);
      const rules = this.#rules.get(key);
      if (rules === undefined) this.#rules.set(key, [{ event }]);
      else rules.push({ event });
      this.#types.add(event.type);
    }
  }

  judge(event: CheckedEvent): PlanVerdict {
    const { mode, unknownEvents } = this.#plan;
    // A plan does not apply to a type that it has no rule for: a plan of track events says nothing about pages.
    if (mode === "off" || !this.#types.has(event.type)) return STORE;
    const rules = this.#rules.get(ruleKey(event.type, event.name)) ?? this.#rules.get(ruleKey(event.type, null));
    const rule = rules === undefined ? undefined : chosen(rules, event.context);
    if (rule === undefined)
      return unknownEvents === "allow" ? STORE : { action: unknownEvents, violation: unknown(event) };
    rule.validate ??= compileSchema(rule.event.schema);
    const part = event.type === "identify" || event.type === "group" ? "traits" : "properties";
    const errors = rule.validate(event[part]);
    return errors === null ? STORE : { action: mode, violation: violationOf(errors, part) };
  }
}

function ruleKey(type: string, name: string | null): string {
  return name === null ? type : `${type} ${name}`;
}

/** The rule of the version that the event declares. Clients that know no versions declare none; then the lowest applies. */
function chosen(rules: readonly Rule[], context: Record<string, unknown>): Rule | undefined {
  const declared = declaredVersion(context);
  return declared === undefined ? rules[0] : rules.find(({ event }) => String(event.version) === declared);
}

function declaredVersion({ protocols }: Record<string, unknown>): string | undefined {
  const version: unknown = isObject(protocols) ? protocols["event_version"] : undefined;
  return typeof version === "string" || typeof version === "number" ? String(version) : undefined;
}

function unknown({ type, name, context }: CheckedEvent): PlanViolation {
  const declared = declaredVersion(context);
  const event = { type, ...(name === null ? {} : { event: name }), version: 1 } as PlanEvent;
  return {
    code: "plan_unknown_event",
    pointer: type === "track" ? "/event" : "/name",
    limit: "",
    actual: describeValue(`${planEventName(event)}${declared === undefined ? "" : ` version ${declared}`}`),
  };
}
