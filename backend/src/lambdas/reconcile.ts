// Runs reconciliation as a Lambda, every minute. Publishes a metric for each invariant it can check; contract/src/invariants.ts.

import { dynamodbClient } from "../aws.ts";
import { readConfig } from "../config.ts";
import { sqlClient } from "../database/client.ts";
import { EdgeCounters } from "../process/edge-counters.ts";
import { reconcile } from "../reconcile/run.ts";
import { scheduledHandler } from "../telemetry/index.ts";

/** The log shows only the beginning of a long list. */
const LOGGED = 10;

let parts: ReturnType<typeof connect> | undefined;

export const handler = scheduledHandler("reconcile", async (remainingMs, telemetry) => {
  parts ??= connect();
  const { counts, imbalanced } = await reconcile(parts, remainingMs);
  if (imbalanced.length > 0) {
    const minutes = imbalanced.slice(0, LOGGED);
    telemetry.logger.error("minutes do not add up", { count: imbalanced.length, minutes });
  }
  const { I2OldestMissingSeconds, ...others } = counts;
  telemetry.seconds("I2OldestMissingSeconds", I2OldestMissingSeconds);
  return others;
});

function connect() {
  const config = readConfig();
  const dynamodb = dynamodbClient(config);
  return { sql: sqlClient(config), dynamodb, edgeCounters: new EdgeCounters(dynamodb), nowMs: Date.now };
}
