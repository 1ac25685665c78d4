// Over how many of a project's shards a request goes. A browser's has one subject, so one shard. A server's batch has many, and
// each shard that it touches costs a call and its part of a row. Which shard a subject has must follow from the subject alone: a
// copy of a message that went to another shard is not told from the first, and the hot tier looks up no young one. ADR 016.

import type { KeyRecord } from "@behaviour/contract";
import { shardIndex } from "../placement/shard-name.ts";

/** Of the project's shards, how many (from the first) the events of this key are spread over. */
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
