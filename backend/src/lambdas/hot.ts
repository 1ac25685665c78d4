// Loads the enriched stream into the hot tier, as a Lambda (enhanced fan-out, ReportBatchItemFailures).

import { dynamodbClient } from "../aws.ts";
import { tierHandler } from "../tiers/handler.ts";
import { HotTier } from "../tiers/hot/tier.ts";

export const handler = tierHandler("hot", (config) => {
  return new HotTier({ dynamodb: dynamodbClient(config), profiles: config.hotProfiles });
});
