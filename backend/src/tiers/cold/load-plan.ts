// Plans the cold tier's objects for the next events of a raw shard, before anything is written. Pure.

import { type EnrichedEvent, position } from "@behaviour/contract";
import { after } from "../order.ts";

const DAY_MS = 86_400_000;

/** The last plan of a raw shard's consumer. Until it is done, its objects may or may not exist. */
export interface LoadPlan {
  rawShard: string;
  /** Positions of the plan's first and last event. */
  first: string;
  last: string;
  /** Objects that the plan writes. */
  keys: string[];
  /** Objects of an earlier plan for the same events, which this plan replaces. */
  remove: string[];
  done: boolean;
  /** Number of the shard's plans. A consumer that was overtaken cannot write its plan. */
  version: number;
}

export interface NextLoad {
  /** The events that are not stored yet, in order. */
  events: readonly EnrichedEvent[];
  /** Objects that may already hold some of these events. */
  stale: string[];
}

/**
 * Chooses the events of a run to store. Events of an incomplete plan are stored again. Their batch may have other bounds this
 * time, so that plan's objects are deleted after the new objects were written.
 */
export function nextLoad(plan: LoadPlan | null, run: readonly EnrichedEvent[]): NextLoad {
  if (plan === null) return { events: run, stale: [] };
  if (plan.done) return { events: after(run, plan.last), stale: [] };
  const events = run.filter((event) => event.position >= plan.first);
  // If the run starts later, the plan's first events are in the failure destination, and a redrive loads all of them. Their
  // objects are deleted, because they also hold events that are delivered again.
  return { events, stale: events.length === 0 ? [] : [...plan.keys, ...plan.remove] };
}

/** Events of one plan. They are in memory as rows and as encoded bytes at the same time. */
export const PLAN_EVENTS_MAX = 20_000;
/**
 * Objects of one plan, one for each project and day. The plan's item names these, and as many objects that it replaces, at up to
 * 400 bytes each. DynamoDB allows 400 KB. One import may have a different day in each of its 2,500 events.
 */
export const PLAN_OBJECTS_MAX = 300;

/** Cuts a run into the parts of one plan each. Any cut is valid, because a plan covers a range of positions. Pure. */
export function* planRuns(run: readonly EnrichedEvent[]): Generator<readonly EnrichedEvent[]> {
  const partitions = new Set<string>();
  let start = 0;
  let name = "";
  let project = "";
  let day = Number.NaN;
  for (const [index, event] of run.entries()) {
    const eventDay = Math.floor(event.timeMs / DAY_MS);
    // Successive events mostly belong to the same object, and its name is not built again.
    if (eventDay !== day || event.project !== project) {
      day = eventDay;
      project = event.project;
      name = `${day} ${project}`;
      partitions.add(name);
    }
    if (index - start < PLAN_EVENTS_MAX && partitions.size <= PLAN_OBJECTS_MAX) continue;
    yield run.slice(start, index);
    start = index;
    partitions.clear();
    partitions.add(name);
  }
  if (start < run.length) yield run.slice(start);
}

/** Groups events by their object. The key is always the same for the same range. */
export function planObjects(
  events: readonly EnrichedEvent[],
  range: { rawShard: string; first: string; last: string },
): Map<string, EnrichedEvent[]> {
  const name = `${range.rawShard}-${shortPosition(range.first)}-${shortPosition(range.last)}.parquet`;
  const objects = new Map<string, EnrichedEvent[]>();
  let object: EnrichedEvent[] | undefined;
  let project = "";
  let day = Number.NaN;
  for (const event of events) {
    const eventDay = Math.floor(event.timeMs / DAY_MS);
    // Successive events mostly belong to the same object.
    if (object === undefined || eventDay !== day || event.project !== project) {
      day = eventDay;
      project = event.project;
      const key = `${partitionOf(event)}/${name}`;
      object = objects.get(key) ?? [];
      objects.set(key, object);
    }
    object.push(event);
  }
  return objects;
}

/** The folder of an event's object. */
export function partitionOf({ project, timeMs }: Pick<EnrichedEvent, "project" | "timeMs">): string {
  return `project=${project}/day=${new Date(timeMs).toISOString().slice(0, 10)}`;
}

const LOADED_KEY = /\/([^/]+)-(\d+\.\d+)-(\d+\.\d+)\.parquet$/;

/** The range of a consumer's object; null for an object of a compaction. */
export function positionsOfKey(key: string): { rawShard: string; first: string; last: string } | null {
  const [, rawShard, first, last] = LOADED_KEY.exec(key) ?? [];
  if (rawShard === undefined || first === undefined || last === undefined) return null;
  return { rawShard, first: first.padStart(POSITION_LENGTH, "0"), last: last.padStart(POSITION_LENGTH, "0") };
}

const POSITION_LENGTH = position("0", 0).length;

/** Without the leading zeros, which are only for sorting: a file's name has at most 255 bytes. */
function shortPosition(position: string): string {
  return position.replace(/^0+(?=\d)/, "");
}
