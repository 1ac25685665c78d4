// The maintenance Lambda, run on a schedule: keeps the archive in few objects. TimescaleDB's own jobs (compression,
// retention, continuous aggregates) run inside the database.

import { Logger } from "@aws-lambda-powertools/logger";
import { dynamodbClient, s3Client } from "../aws.ts";
import { readConfig } from "../config.ts";
import { Compactor } from "../tiers/cold/compact.ts";
import type { LambdaContext } from "./events.ts";

/** Enough to read, merge and write one more partition. */
const PARTITION_MS = 20_000;

const logger = new Logger({ serviceName: "maintain" });

let compactor: Compactor | undefined;

export async function handler(_event: unknown, context: LambdaContext): Promise<void> {
  compactor ??= connect();
  const result = await compactor.run(() => context.getRemainingTimeInMillis() > PARTITION_MS);
  if (result.finished + result.merged > 0) logger.info("compacted", { ...result });
}

function connect(): Compactor {
  const config = readConfig();
  return new Compactor({ s3: s3Client(config), dynamodb: dynamodbClient(config) });
}
