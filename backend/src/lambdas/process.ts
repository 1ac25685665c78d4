// Lambda: the raw stream's consumer (enhanced fan-out, one invocation per shard at a time, ReportBatchItemFailures). Wires
// the pipeline once per process and counts; what happens to an event is in ../process/pipeline.ts.

import { dynamodbClient, kinesisClient, s3Client } from "../aws.ts";
import { readConfig, required } from "../config.ts";
import { FailedEventStore, OriginalSeal } from "../failed/index.ts";
import { PublishedPlans } from "../plan/published.ts";
import { PlanSource } from "../plan/source.ts";
import { EdgeCounters } from "../process/edge-counters.ts";
import { EnrichedStream } from "../process/emit.ts";
import { RedeliveryLedger } from "../process/ledger.ts";
import { type ProcessorParts, processRecords } from "../process/pipeline.ts";
import { rawRecord } from "../process/record.ts";
import { ReplayClaims } from "../replay/claims.ts";
import { asDataFault, faultFields, isOwnFault, telemetryOf } from "../telemetry/index.ts";
import { Vault } from "../vault/index.ts";
import type { StreamHandler } from "./events.ts";

const telemetry = telemetryOf("process");

let parts: (ProcessorParts & { plans: PlanSource }) | undefined;

/** On the first invocation, not on import: a missing variable is then an error with a name, of a call. */
function wire(): ProcessorParts & { plans: PlanSource } {
  const config = readConfig();
  const dynamodb = dynamodbClient(config);
  const secret = required(config.vaultHmacKey, "VAULT_HMAC_KEY");
  return {
    ledger: new RedeliveryLedger(dynamodb),
    replays: new ReplayClaims(dynamodb),
    plans: new PlanSource({ published: new PublishedPlans(dynamodb) }),
    vault: new Vault(dynamodb, secret),
    failedEvents: new FailedEventStore(s3Client(config), new OriginalSeal(secret)),
    enriched: new EnrichedStream(kinesisClient(config)),
    edgeCounters: new EdgeCounters(dynamodb),
    nowMs: Date.now,
  };
}

export const handler: StreamHandler = async (event, context) => {
  parts ??= wire();
  const startedMs = performance.now();
  const records = event.Records.map(rawRecord);
  try {
    const { counts, resumeAt, fault } = await processRecords(parts, records, () => context.getRemainingTimeInMillis());
    const planFaults = parts.plans.takeFaults();
    telemetry.count({ ...counts, planFaults, ...(fault === null ? {} : { faults: 1 }) });
    if (fault !== null) {
      const where = { rawShard: records[0]?.rawShard, resumeAt };
      telemetry.logger.warn("stopped by a fault; the rest is run again", { ...faultFields(fault), ...where });
    }
    return { batchItemFailures: resumeAt === null ? [] : [{ itemIdentifier: resumeAt }] };
  } catch (fault) {
    // Nothing was done. An outage delays and blames no record; a fault of ours or of the data is looked for by halving.
    telemetry.count({ faults: 1 });
    telemetry.logger.warn("nothing was processed", faultFields(fault));
    throw isOwnFault(fault) ? asDataFault(fault) : fault;
  } finally {
    telemetry.milliseconds("processMs", performance.now() - startedMs);
    telemetry.publish();
  }
};
