// Lists the changes between two plans, and whether events that satisfied the first plan may break the second. Pure.
//
// A change is breaking if it can make a valid event invalid. This is computed for keywords whose effect follows from their
// values. Any other change of a rule counts as breaking, because nobody has shown that it is not.

import { isDeepStrictEqual } from "node:util";
import { escapeKey, isObject, type PlanEvent, planEventName, type TrackingPlan } from "@behaviour/contract";

export interface PlanChange {
  /** The event, or the setting. */
  subject: string;
  /** JSON pointer into the event's schema; empty for the event itself and for settings. */
  pointer: string;
  change: string;
  breaking: boolean;
}

export function planDifference(before: TrackingPlan, after: TrackingPlan): PlanChange[] {
  const changes: PlanChange[] = [];
  for (const name of ["mode", "unknownEvents"] as const) {
    if (before[name] === after[name]) continue;
    // A stricter setting breaks no promise to the senders. It decides what happens to events that break the plan.
    changes.push({ subject: name, pointer: "", change: `${before[name]} → ${after[name]}`, breaking: false });
  }
  const [old, now] = [byName(before), byName(after)];
  for (const [name, event] of old) {
    const successor = now.get(name);
    if (successor === undefined) changes.push({ subject: name, pointer: "", change: "removed", breaking: true });
    else changes.push(...schemaChanges(name, event, successor));
  }
  for (const name of now.keys()) {
    // An event that was not in the plan was stored unchecked, unless the plan kept unknown events from being stored.
    if (!old.has(name)) changes.push({ subject: name, pointer: "", change: "added", breaking: false });
  }
  return changes;
}

function byName(plan: TrackingPlan): Map<string, PlanEvent> {
  return new Map(plan.events.map((event) => [planEventName(event), event]));
}

function schemaChanges(subject: string, before: PlanEvent, after: PlanEvent): PlanChange[] {
  const changes: PlanChange[] = [];
  const report: Report = (pointer, change, breaking) => changes.push({ subject, pointer, change, breaking });
  compareSchemas(before.schema, after.schema, "", report);
  if (before.description !== after.description) report("/description", "changed", false);
  return changes;
}

type Report = (pointer: string, change: string, breaking: boolean) => void;
type Schema = Record<string, unknown>;

/** Keywords that do not restrict events. */
const NOTES: ReadonlySet<string> = new Set([
  "$schema",
  "$comment",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
]);
const SETS_APART: ReadonlySet<string> = new Set(["patternProperties", "prefixItems"]);
const AT_LEAST: ReadonlySet<string> = new Set([
  "minimum",
  "exclusiveMinimum",
  "minLength",
  "minItems",
  "minProperties",
]);
const AT_MOST: ReadonlySet<string> = new Set(["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"]);

function compareSchemas(before: unknown, after: unknown, pointer: string, report: Report): void {
  if (isDeepStrictEqual(before, after)) return;
  if (!isObject(before) || !isObject(after)) {
    report(pointer, `${JSON.stringify(before)} → ${JSON.stringify(after)}`, after !== true);
    return;
  }
  for (const keyword of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (isDeepStrictEqual(before[keyword], after[keyword])) continue;
    compareKeyword(keyword, before, after, `${pointer}/${keyword}`, report);
  }
}

function compareKeyword(keyword: string, before: Schema, after: Schema, pointer: string, report: Report): void {
  const [old, now] = [before[keyword], after[keyword]];
  if (NOTES.has(keyword)) report(pointer, "changed", false);
  else if (keyword === "properties") compareProperties(before, after, pointer, report);
  else if (keyword === "required") compareRequired(listOf(old), listOf(now), pointer, report);
  else if (keyword === "type") compareTypes(old, now, pointer, report);
  else if (keyword === "enum") compareChoices(old, now, pointer, report);
  else if (keyword === "items" && old !== undefined && now !== undefined) compareSchemas(old, now, pointer, report);
  else if (keyword === "$defs") compareDefinitions(old, now, pointer, report);
  else if (keyword === "additionalProperties") report(pointer, arrow(old, now), now !== undefined && now !== true);
  else if (AT_LEAST.has(keyword) || AT_MOST.has(keyword)) {
    const isLooser = now === undefined || (old !== undefined && AT_LEAST.has(keyword) === Number(now) < Number(old));
    report(pointer, arrow(old, now), !isLooser);
  } else {
    // Removing a rule breaks nothing, except a rule that exempts values from other rules.
    report(pointer, arrow(old, now), now !== undefined || SETS_APART.has(keyword));
  }
}

function compareProperties(before: Schema, after: Schema, pointer: string, report: Report): void {
  const old = isObject(before["properties"]) ? before["properties"] : {};
  const now = isObject(after["properties"]) ? after["properties"] : {};
  const staysOpen = after["additionalProperties"] === undefined || after["additionalProperties"] === true;
  for (const name of new Set([...Object.keys(old), ...Object.keys(now)])) {
    const place = `${pointer}/${escapeKey(name)}`;
    if (!Object.hasOwn(now, name)) report(place, "removed", !staysOpen);
    // The property may have been sent before in another form, but no form was promised. `required` reports if it is required.
    else if (!Object.hasOwn(old, name)) report(place, "added", false);
    else compareSchemas(old[name], now[name], place, report);
  }
}

function compareRequired(old: readonly unknown[], now: readonly unknown[], pointer: string, report: Report): void {
  for (const name of now) if (!old.includes(name)) report(pointer, `${String(name)} is required`, true);
  for (const name of old) if (!now.includes(name)) report(pointer, `${String(name)} is required no longer`, false);
}

function compareTypes(old: unknown, now: unknown, pointer: string, report: Report): void {
  const allowed = listOf(now);
  const isKept = (type: unknown) => allowed.includes(type) || (type === "integer" && allowed.includes("number"));
  report(pointer, arrow(old, now), now !== undefined && (old === undefined || !listOf(old).every(isKept)));
}

function compareChoices(old: unknown, now: unknown, pointer: string, report: Report): void {
  const isKept = (value: unknown) => listOf(now).some((one) => isDeepStrictEqual(one, value));
  report(pointer, arrow(old, now), now !== undefined && (old === undefined || !listOf(old).every(isKept)));
}

function compareDefinitions(old: unknown, now: unknown, pointer: string, report: Report): void {
  const [before, after] = [isObject(old) ? old : {}, isObject(now) ? now : {}];
  // An added or removed definition shows where it is referenced.
  for (const name of Object.keys(before)) {
    if (Object.hasOwn(after, name)) compareSchemas(before[name], after[name], `${pointer}/${name}`, report);
  }
}

function listOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? (value as unknown[]) : [value];
}

const SHOWN_MAX_CHARS = 80;

function arrow(old: unknown, now: unknown): string {
  const shown = (value: unknown): string => {
    const text = value === undefined ? "absent" : JSON.stringify(value);
    return text.length <= SHOWN_MAX_CHARS ? text : `${text.slice(0, SHOWN_MAX_CHARS)}…`;
  };
  return `${shown(old)} → ${shown(now)}`;
}
