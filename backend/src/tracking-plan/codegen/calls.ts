// Lists the calls that a plan allows: one for each event and version. Pure.

import { type PlanEvent, type PlannedType, planEventName, type TrackingPlan } from "@behaviour/contract";
import { pascalCase, UniqueNames } from "./names.ts";
import { type RecordShape, ShapeReader } from "./shape.ts";

export interface PlannedCall {
  type: PlannedType;
  /** Null for a type without names, and for the rule of pages or screens without their own rule. */
  event: string | null;
  version: number;
  /** Whether the message must declare the version. The lowest version of an event need not be declared. */
  saysVersion: boolean;
  /** Shape of the properties or traits. Its name is also the name of the call. */
  shape: RecordShape;
  description: string;
}

/** Names that the generated files use themselves. */
const RESERVED =
  "Analytics MessageOptions TypedAnalytics TypedTrack TypedPage TypedIdentify TypedGroup Client Any Dict List Literal Mapping Optional Protocol TypedDict Union datetime PlannedEvent Builder Object String Map Override Long Double Boolean Number IllegalStateException Collections LinkedHashMap ArrayList Enum Record Class System".split(
    " ",
  );

export function plannedCalls({ events }: TrackingPlan): PlannedCall[] {
  const names = new UniqueNames(RESERVED);
  const lowest = new Map<string, number>();
  const nameOf = ({ type, event }: PlanEvent) => planEventName({ type, event, version: 1 });
  for (const event of events)
    lowest.set(nameOf(event), Math.min(event.version, lowest.get(nameOf(event)) ?? event.version));
  return events.map((event): PlannedCall => {
    const saysVersion = event.version !== lowest.get(nameOf(event));
    const words = [event.type === "track" ? "" : event.type, event.event ?? "", saysVersion ? `V${event.version}` : ""];
    const shape = new ShapeReader(event.schema, names).record(event.schema, pascalCase(words.join(" ")));
    return {
      type: event.type,
      event: event.event ?? null,
      version: event.version,
      saysVersion,
      shape,
      description: event.description ?? shape.description ?? planEventName(event),
    };
  });
}

/** The part of the context in which an event of a later version declares its version. */
export function protocolsOf({ version }: PlannedCall): { protocols: { event_version: number } } {
  return { protocols: { event_version: version } };
}

export const NOTICE = "Generated from the tracking plan by `pipeline plan codegen`. Changes here are lost.";
