// Loads the enriched stream into the cold tier, as a Lambda (polled with a batch window, ReportBatchItemFailures).

import { dynamodbClient, s3Client } from "../aws.ts";
import { ColdTier } from "../tiers/cold/tier.ts";
import { tierHandler } from "../tiers/handler.ts";

export const handler = tierHandler("cold", (config) => {
  return new ColdTier({ s3: s3Client(config), dynamodb: dynamodbClient(config) });
});
