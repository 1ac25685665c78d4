// Replays events that only the warm tier refused. The other tiers have the event, so it goes to the warm tier and not to the
// stream. If the row exists by now, the tier's own unique key prevents a duplicate.

import { randomUUID } from "node:crypto";
import { type EnrichedEvent, position } from "@behaviour/contract";
import type { Sql } from "../database/client.ts";
import { WarmTier } from "../tiers/warm/tier.ts";

/**
 * @returns the message ids that the tier still refuses, of one project
 * @throws an infrastructure fault; a retry is safe.
 */
export async function loadWarmAgain(sql: Sql, events: readonly EnrichedEvent[]): Promise<Set<string>> {
  const refused = new Set<string>();
  const tier = new WarmTier({
    sql,
    // The events are among the failed events already.
    storeFailed: async (failed) => {
      for (const { messageId } of failed) if (messageId !== null) refused.add(messageId);
    },
  });
  // A raw shard that exists for this load only, so that no real shard's checkpoint covers these events.
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
