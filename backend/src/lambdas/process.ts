// Lambda: the raw stream's consumer (enhanced fan-out, one invocation per shard at a time, ReportBatchItemFailures). Wires
// the pipeline once per process and counts; what happens to an event is in ../process/pipeline.ts.

import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { dynamodbClient, kinesisClient, s3Client } from "../aws.ts";
import { readConfig, required } from "../config.ts";
import { FailedEventStore } from "../failed/store.ts";
import { EnrichedStream } from "../process/emit.ts";
import { RedeliveryLedger } from "../process/ledger.ts";
import { type ProcessedCounts, type ProcessorParts, processRecords } from "../process/pipeline.ts";
import { rawRecord } from "../process/record.ts";
import { Vault } from "../vault/index.ts";
import type { StreamHandler } from "./events.ts";

interface Wired {
  parts: ProcessorParts;
  logger: Logger;
  metrics: Metrics;
}

let wired: Wired | undefined;

/** On the first invocation, not on import: a missing variable is then an error with a name, of a call. */
function wire(): Wired {
  const config = readConfig();
  const dynamodb = dynamodbClient(config);
  return {
    parts: {
      ledger: new RedeliveryLedger(dynamodb),
      vault: new Vault(dynamodb, required(config.vaultHmacKey, "VAULT_HMAC_KEY")),
      failedEvents: new FailedEventStore(s3Client(config)),
      enriched: new EnrichedStream(kinesisClient(config)),
      nowMs: Date.now,
    },
    logger: new Logger({ serviceName: "process" }),
    metrics: new Metrics({ namespace: "behaviour", serviceName: "process" }),
  };
}

export const handler: StreamHandler = async (event, context) => {
  wired ??= wire();
  const { parts, logger, metrics } = wired;
  const records = event.Records.map(rawRecord);
  const { counts, resumeAt, fault } = await processRecords(parts, records, () => context.getRemainingTimeInMillis());
  for (const name of COUNTED) metrics.addMetric(name, MetricUnit.Count, counts[name]);
  metrics.publishStoredMetrics();
  if (fault !== null) {
    // Names of faults only: a message may quote what was sent.
    const name = fault instanceof Error ? fault.name : "unknown";
    logger.warn("stopped by a fault; the rest is run again", { fault: name, rawShard: records[0]?.rawShard, resumeAt });
  }
  return { batchItemFailures: resumeAt === null ? [] : [{ itemIdentifier: resumeAt }] };
};

const COUNTED = [
  "records",
  "received",
  "processed",
  "failed",
  "redelivered",
] as const satisfies (keyof ProcessedCounts)[];
