// Writes one consent record to every shard that could judge an event of its ids: those of the anonymousId in every region; all
// shards when it names a userId, whose events are filed under whatever device they come from. Rare writes, free reads. E6.

import type { KeyRecord } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { Refusal } from "../refusal.ts";
import { ledgerId } from "../shard/consent-claim.ts";
import type { ConsentRecord } from "../shard/ledger.ts";
import { REGIONS, shardIndex, shardName, shardStub } from "../shard/placement.ts";

const CALLS_AT_ONCE = 50;

/** @returns a refusal unless every shard has it; writing it again changes nothing. */
export async function recordConsent(
  ids: { anonymousId: string | null; userId: string | null; record: ConsentRecord },
  key: KeyRecord,
  env: Env,
): Promise<Refusal | null> {
  const { anonymousId, userId, record } = ids;
  const ledgerIds = [
    ...(anonymousId === null ? [] : [ledgerId("anonymousId", anonymousId)]),
    ...(userId === null ? [] : [ledgerId("userId", userId)]),
  ];
  const indices =
    userId === null && anonymousId !== null
      ? [shardIndex(anonymousId, key.shards)]
      : Array.from({ length: Math.max(1, key.shards) }, (_, index) => index);
  const targets = REGIONS.flatMap((region) => indices.map((index) => ({ region, index })));
  try {
    for (let start = 0; start < targets.length; start += CALLS_AT_ONCE) {
      await Promise.all(
        targets
          .slice(start, start + CALLS_AT_ONCE)
          .map(({ region, index }) =>
            shardStub(env, shardName(key.project, region.code, index), region).recordConsent(ledgerIds, record),
          ),
      );
    }
    return null;
  } catch (fault) {
    console.error(JSON.stringify({ level: "error", message: "consent not recorded everywhere", fault: String(fault) }));
    return new Refusal("unavailable", { retryAfterSeconds: 2 });
  }
}
