// Builds the processor's parts from the configuration, for its function and for other programs that run its code.

import { dynamodbClient, kinesisClient, s3Client } from "../aws.ts";
import { type Config, required } from "../config.ts";
import { FailedEventStore, OriginalSeal } from "../failed/index.ts";
import { ReplayClaims } from "../replay/claims.ts";
import { PublishedPlans } from "../tracking-plan/published.ts";
import { PlanSource } from "../tracking-plan/source.ts";
import { IdentityEdges, Vault } from "../vault/index.ts";
import { EdgeCounters } from "./edge-counters.ts";
import { EnrichedStream } from "./emit.ts";
import type { ProcessorParts } from "./pipeline.ts";
import { RedeliveryLedger } from "./redelivery-ledger.ts";

/** @throws Error that names a missing variable. */
export function connectProcessor(config: Config): ProcessorParts & { plans: PlanSource } {
  const dynamodb = dynamodbClient(config);
  const secret = required(config.vaultHmacKey, "VAULT_HMAC_KEY");
  return {
    ledger: new RedeliveryLedger(dynamodb),
    replays: new ReplayClaims(dynamodb),
    plans: new PlanSource({ published: new PublishedPlans(dynamodb) }),
    vault: new Vault(dynamodb, secret),
    identityEdges: new IdentityEdges(dynamodb),
    failedEvents: new FailedEventStore(s3Client(config), new OriginalSeal(secret)),
    enriched: new EnrichedStream(kinesisClient(config)),
    edgeCounters: new EdgeCounters(dynamodb),
    nowMs: Date.now,
  };
}
