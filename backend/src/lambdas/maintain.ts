// Runs maintenance as a scheduled Lambda, one run at a time: pushes keys that could not be pushed to the edge before, merges the
// archive into few objects, and every hour deletes events that are older than their project's retention. The last two tasks share
// a function, so that no merge rewrites an object that ageing deletes.
// Compression and continuous aggregates are TimescaleDB's own jobs.

import { type Aged, type AgeingParts, ageTiers } from "../ageing/run.ts";
import { dynamodbClient, s3Client } from "../aws.ts";
import { readConfig } from "../config.ts";
import { databaseClient, sqlClient } from "../database/client.ts";
import { edgePush } from "../outbound/edge.ts";
import { pushUnpushed } from "../projects/push.ts";
import { faultFields, scheduledHandler, type Telemetry } from "../telemetry/index.ts";
import { Compactor } from "../tiers/cold/compact.ts";

/** Enough time to read, merge and write one more partition, or to age one more chunk. */
const STEP_MS = 20_000;
const AGEING_INTERVAL_MS = 3_600_000;

interface Parts {
  pushKeys(hasTime: () => boolean): ReturnType<typeof pushUnpushed>;
  compactor: Compactor;
  ageing: AgeingParts;
}

let parts: Parts | undefined;
/** Time of this process's last ageing. A new process ages immediately, which is cheap if ageing was done before. */
let agedAtMs = 0;

export const handler = scheduledHandler("maintain", async (remainingMs, telemetry) => {
  const { pushKeys, compactor, ageing } = (parts ??= connect(telemetry));
  const hasTime = () => remainingMs() > STEP_MS;
  // First, because a revocation that the edge does not know yet is the most urgent.
  const pushed = await pushKeys(hasTime).catch((fault: unknown) => {
    // A database that is down must not stop the archive's maintenance.
    telemetry.logger.error("keys could not be looked through", faultFields(fault));
    return { faults: 1 };
  });
  const aged = await ageWhenDue(ageing, hasTime, telemetry);
  const compacted = await compactor.run(hasTime);
  const faults = ("faults" in pushed ? pushed.faults : 0) + (aged.faults ?? 0) + compacted.faults;
  return { ...pushed, ...aged, ...compacted, faults };
});

/** Before the compaction, whose time is unbounded: retention is a promise, and the number of objects is not. */
async function ageWhenDue(
  ageing: AgeingParts,
  hasTime: () => boolean,
  { logger }: Telemetry,
): Promise<Partial<Aged> & { agedRuns?: number; faults?: number }> {
  if (Date.now() - agedAtMs < AGEING_INTERVAL_MS) return {};
  try {
    const aged = await ageTiers(ageing, Date.now(), hasTime);
    agedAtMs = Date.now();
    return { ...aged, agedRuns: 1 };
  } catch (fault) {
    // A store that is down must not stop the archive's merges.
    logger.error("the tiers could not be aged", faultFields(fault));
    return { faults: 1 };
  }
}

function connect({ logger }: Telemetry): Parts {
  const config = readConfig();
  const [s3, dynamodb] = [s3Client(config), dynamodbClient(config)];
  const database = databaseClient(config);
  const edge = edgePush(config, (reason) => logger.warn("keys were not pushed to the edge", { reason }));
  return {
    pushKeys: (hasTime) => pushUnpushed(database, edge, hasTime),
    compactor: new Compactor({
      s3,
      dynamodb,
      onFault: (fault) => logger.error("a partition could not be merged", faultFields(fault)),
    }),
    ageing: { s3, dynamodb, sql: sqlClient(config) },
  };
}
