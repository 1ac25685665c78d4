// The maintenance Lambda, run on a schedule, one at a time: keeps the archive in few objects, and every hour takes away what
// is older than each project keeps it. One function for both, so that no merge writes anew what ageing takes away.
// Compression and continuous aggregates are TimescaleDB's own jobs.

import { type AgeingParts, ageTiers } from "../ageing/run.ts";
import { dynamodbClient, s3Client } from "../aws.ts";
import { readConfig } from "../config.ts";
import { sqlClient } from "../database/client.ts";
import { scheduledHandler } from "../telemetry/index.ts";
import { Compactor } from "../tiers/cold/compact.ts";

/** Enough to read, merge and write one more partition, or to age one more chunk. */
const STEP_MS = 20_000;
const AGEING_INTERVAL_MS = 3_600_000;

interface Wired {
  compactor: Compactor;
  ageing: AgeingParts;
}

let wired: Wired | undefined;
/** Of this process: one that has just started ages at once, which is cheap when it was done before. */
let agedAtMs = 0;

export const handler = scheduledHandler("maintain", async (remainingMs) => {
  const { compactor, ageing } = (wired ??= wire());
  const hasTime = () => remainingMs() > STEP_MS;
  const compacted = await compactor.run(hasTime);
  if (Date.now() - agedAtMs < AGEING_INTERVAL_MS) return { ...compacted };
  const aged = await ageTiers(ageing, Date.now(), hasTime);
  agedAtMs = Date.now();
  return { ...compacted, ...aged };
});

function wire(): Wired {
  const config = readConfig();
  const [s3, dynamodb] = [s3Client(config), dynamodbClient(config)];
  return { compactor: new Compactor({ s3, dynamodb }), ageing: { s3, dynamodb, sql: sqlClient(config) } };
}
