// The maintenance Lambda, run on a schedule: keeps the archive in few objects. TimescaleDB's own jobs (compression,
// retention, continuous aggregates) run inside the database.

import { dynamodbClient, s3Client } from "../aws.ts";
import { readConfig } from "../config.ts";
import { scheduledHandler } from "../telemetry/index.ts";
import { Compactor } from "../tiers/cold/compact.ts";

/** Enough to read, merge and write one more partition. */
const PARTITION_MS = 20_000;

let compactor: Compactor | undefined;

export const handler = scheduledHandler("maintain", async (remainingMs) => {
  compactor ??= connect();
  return { ...(await compactor.run(() => remainingMs() > PARTITION_MS)) };
});

function connect(): Compactor {
  const config = readConfig();
  return new Compactor({ s3: s3Client(config), dynamodb: dynamodbClient(config) });
}
