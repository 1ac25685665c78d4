// A replay of what the warm tier alone refused: the other tiers have the event, so it goes to that tier and not to the stream.
// The row is kept out by the tier's own unique key if it is there by now.

import { randomUUID } from "node:crypto";
import { type EnrichedEvent, position } from "@behaviour/contract";
import type { Sql } from "../database/client.ts";
import { WarmTier } from "../tiers/warm/tier.ts";

/**
 * @returns the message ids that the tier still refuses, of one project
 * @throws an infrastructure fault; again is safe.
 */
export async function loadWarmAgain(sql: Sql, events: readonly EnrichedEvent[]): Promise<Set<string>> {
  const refused = new Set<string>();
  const tier = new WarmTier({
    sql,
    // They are among the failed events already.
    storeFailed: async (failed) => {
      for (const { messageId } of failed) if (messageId !== null) refused.add(messageId);
    },
  });
  // A raw shard that exists for this load only, so that no real one's checkpoint stands before these events.
  const rawShard = `replay-${randomUUID()}`;
  try {
    await tier.load(
      events.map((event, index) => ({ ...event, rawShard, position: position("0", index), suspect: true })),
    );
  } finally {
    await sql`delete from tier_checkpoint where tier = 'warm' and raw_shard = ${rawShard}`;
  }
  return refused;
}
