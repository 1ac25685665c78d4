// Connects the replayer to the real stores, for the query function and the command line.

import { dynamodbClient, kinesisClient, s3Client } from "../aws.ts";
import { type Config, required } from "../config.ts";
import type { Sql } from "../database/client.ts";
import { FailedEventStore, OriginalSeal } from "../failed/index.ts";
import { arrivedMessages } from "./arrived.ts";
import { ReplayClaims } from "./claims.ts";
import { RawStream } from "./raw-stream.ts";
import { Replayer } from "./replayer.ts";
import { loadWarmAgain } from "./warm-again.ts";

/** @throws Error that names each missing variable. */
export function connectReplayer(config: Config, sql: Sql): Replayer {
  const seal = new OriginalSeal(required(config.vaultHmacKey, "VAULT_HMAC_KEY"));
  return new Replayer({
    failedEvents: new FailedEventStore(s3Client(config), seal),
    seal,
    claims: new ReplayClaims(dynamodbClient(config)),
    raw: new RawStream(kinesisClient(config)),
    arrived: (project, messages) => arrivedMessages(sql, project, messages, Date.now()),
    loadWarm: (events) => loadWarmAgain(sql, events),
    nowMs: Date.now,
  });
}
