// Prepares a batch from the failure destination for a load. The checkpoint has passed its events, whether they were stored or
// not.

import type { EnrichedEvent } from "@behaviour/contract";
import type { Sql } from "../../database/client.ts";
import { redrivenShard } from "../../stream/shard-name.ts";
import { lockCheckpoint, moveCheckpoint } from "./checkpoint.ts";

const LOOKED_UP_AT_ONCE = 5_000;

/**
 * Returns the events of a raw shard's run that are not stored, as suspects, under a checkpoint of the batch's own. Afterwards the
 * shard's checkpoint is past them. If the stream still delivers the batch (its mapping crashed after it wrote to the failure
 * destination), its events are found to be repeated.
 */
export async function redrivable(sql: Sql, rawShard: string, run: readonly EnrichedEvent[]): Promise<EnrichedEvent[]> {
  const [first, last] = [run[0], run.at(-1)];
  if (first === undefined || last === undefined) return [];
  await sql.begin(async (tx) => {
    await lockCheckpoint(tx, rawShard);
    await moveCheckpoint(tx, last);
  });
  const own = redrivenShard(rawShard, first.position);
  const redrivable: EnrichedEvent[] = [];
  for (let start = 0; start < run.length; start += LOOKED_UP_AT_ONCE) {
    const events = run.slice(start, start + LOOKED_UP_AT_ONCE);
    const stored = await storedPositions(sql, rawShard, events);
    for (const event of events) {
      if (!stored.has(event.position)) redrivable.push({ ...event, suspect: true, rawShard: own });
    }
  }
  return redrivable;
}

/** The stored positions of these events, not of other copies of their messages. */
async function storedPositions(sql: Sql, rawShard: string, events: readonly EnrichedEvent[]): Promise<Set<string>> {
  const times = events.map(({ timeMs }) => timeMs);
  const rows = await sql<{ raw_position: string }[]>`
    select e.raw_position
    from unnest(
      ${events.map(({ project }) => project)}::text[],
      ${events.map(({ messageId }) => messageId)}::text[],
      ${events.map(({ position }) => position)}::text[]
    ) as wanted (project, message_id, position)
    join event e on e.project = wanted.project and e.message_id = wanted.message_id
    where e.raw_shard = ${rawShard} and e.raw_position = wanted.position
      and e.time >= to_timestamp(${Math.min(...times) / 1_000}::float8)
      and e.time <= to_timestamp(${(Math.max(...times) + 1) / 1_000}::float8)`;
  return new Set(rows.map(({ raw_position }) => raw_position));
}
