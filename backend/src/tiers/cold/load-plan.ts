// What the cold tier will write for the next events of a raw shard, decided before anything is written. Pure.

import { type EnrichedEvent, position } from "@behaviour/contract";
import { after } from "../order.ts";

const DAY_MS = 86_400_000;

/** The last thing a raw shard's consumer set out to do. While it is not done, its objects may be there or not. */
export interface LoadPlan {
  rawShard: string;
  /** Positions of the first and the last event it covers. */
  first: string;
  last: string;
  /** Objects it writes. */
  keys: string[];
  /** Objects of an earlier plan for the same events, which it takes the place of. */
  remove: string[];
  done: boolean;
  /** Counts the plans of this shard: a consumer that was overtaken can't write its own. */
  version: number;
}

export interface NextLoad {
  /** What is not stored yet, in order. */
  events: readonly EnrichedEvent[];
  /** Objects that hold some of these events already, or may. */
  stale: string[];
}

/**
 * Which of a run of events are to be stored. Those of a plan that was not finished are stored again: the batch may be cut
 * differently this time, so the objects of that plan go when the new ones are there.
 */
export function nextLoad(plan: LoadPlan | null, run: readonly EnrichedEvent[]): NextLoad {
  if (plan === null) return { events: run, stale: [] };
  if (plan.done) return { events: after(run, plan.last), stale: [] };
  const events = run.filter((event) => event.position >= plan.first);
  // A run that starts later means that the stream gave up the plan's first events: they lie in its failure destination, and a
  // redrive brings back all of them. What was written of them goes, for with them were written some that come again.
  return { events, stale: events.length === 0 ? [] : [...plan.keys, ...plan.remove] };
}

/** Groups events by the object they go to; the key is the same whenever the same range is stored. */
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
    // Neighbours mostly go to the same object.
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

/** What a consumer's object covers; null for one that compaction made. */
export function positionsOfKey(key: string): { rawShard: string; first: string; last: string } | null {
  const [, rawShard, first, last] = LOADED_KEY.exec(key) ?? [];
  if (rawShard === undefined || first === undefined || last === undefined) return null;
  return { rawShard, first: first.padStart(POSITION_LENGTH, "0"), last: last.padStart(POSITION_LENGTH, "0") };
}

const POSITION_LENGTH = position("0", 0).length;

/** Without the zeros that only serve sorting: names of files end at 255 bytes. */
function shortPosition(position: string): string {
  return position.replace(/^0+(?=\d)/, "");
}
