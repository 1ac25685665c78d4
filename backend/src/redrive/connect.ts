// Creates the redriver's parts from the configuration. Each part is connected when it is first needed, so that an operator can
// redrive the hot tier while the database is down.

import { dynamodbClient, s3Client } from "../aws.ts";
import { type Config, required } from "../config.ts";
import { sqlClient } from "../database/client.ts";
import { FailedEventStore, OriginalSeal } from "../failed/index.ts";
import { connectProcessor } from "../process/connect.ts";
import type { ProcessorParts } from "../process/pipeline.ts";
import { ColdTier } from "../tiers/cold/tier.ts";
import { HotTier } from "../tiers/hot/tier.ts";
import type { TierName } from "../tiers/tier.ts";
import { WarmTier } from "../tiers/warm/tier.ts";
import type { RedrivableTier, RedriveParts } from "./redriver.ts";
import { Undelivered } from "./undelivered.ts";

/** @throws Error that names a missing variable, once a part that needs the variable is used. */
export function connectRedriver(config: Config): RedriveParts {
  const s3 = s3Client(config);
  let failedEvents: FailedEventStore | undefined;
  const storeFailed: RedriveParts["storeFailed"] = async (failed) => {
    failedEvents ??= new FailedEventStore(s3, new OriginalSeal(required(config.vaultHmacKey, "VAULT_HMAC_KEY")));
    await failedEvents.storeAll(new Map(failed.map((event) => [event.id, [event]])));
  };
  const connect: Record<TierName, () => RedrivableTier> = {
    hot: () => new HotTier({ dynamodb: dynamodbClient(config) }),
    warm: () => new WarmTier({ sql: sqlClient(config), storeFailed }),
    cold: () => new ColdTier({ dynamodb: dynamodbClient(config), s3 }),
  };
  const tiers = new Map<TierName, RedrivableTier>();
  let processor: ProcessorParts | undefined;
  return {
    undelivered: new Undelivered(s3),
    storeFailed,
    processor: () => (processor ??= connectProcessor(config)),
    tier: (name) => {
      const tier = tiers.get(name) ?? connect[name]();
      tiers.set(name, tier);
      return tier;
    },
  };
}
