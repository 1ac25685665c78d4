// Distributes a request's events over the project's shards. A browser's request has one subject, so it goes to one shard. A
// server's batch has many subjects, and each shard that it touches costs a call and its part of a row. The shard must follow from
// the subject alone: another shard would not recognize a duplicate, and the hot tier looks up no young duplicates. ADR 016.

import type { KeyRecord } from "@behaviour/contract";
import { shardIndex } from "../placement/shard-name.ts";

/** How many of the project's shards, counted from the first, receive the events of this key. */
export function shardsOf({ kind, shards, settings }: KeyRecord): number {
  if (kind !== "secret") return shards;
  return Math.min(shards, settings.serverShards ?? shards);
}

export function groupByShard<E extends { subjectKey: string }>(
  events: readonly E[],
  shards: number,
): Map<number, readonly E[]> {
  if (shards <= 1) return new Map([[0, events]]);
  const groups = new Map<number, E[]>();
  for (const event of events) {
    const index = shardIndex(event.subjectKey, shards);
    const group = groups.get(index);
    if (group === undefined) groups.set(index, [event]);
    else group.push(event);
  }
  return groups;
}
