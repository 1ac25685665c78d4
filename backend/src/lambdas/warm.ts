// Loads the enriched stream into the warm tier, as a Lambda (polled with a batch window, ReportBatchItemFailures).

import { sqlClient } from "../database/client.ts";
import { tierHandler } from "../tiers/handler.ts";
import { WarmTier } from "../tiers/warm/tier.ts";

export const handler = tierHandler("warm", (config, storeFailed) => {
  return new WarmTier({ sql: sqlClient(config), storeFailed });
});
