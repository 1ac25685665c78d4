// Runs the processor on real emulators through the Lambda handler, and reads back its output.

import { ScanCommand } from "@aws-sdk/client-dynamodb";
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
} from "@aws-sdk/client-kinesis";
import { decodeFrame, type EnrichedEvent, STREAMS, TABLES } from "@behaviour/contract";
import { provisionAws, startAws } from "../../../local/index.ts";
import { dynamodbClient, kinesisClient, s3Client } from "../../src/aws.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { FailedEventStore, OriginalSeal } from "../../src/failed/index.ts";
import { EdgeCounters } from "../../src/process/edge-counters.ts";
import { EnrichedStream } from "../../src/process/emit.ts";
import type { ProcessorParts } from "../../src/process/pipeline.ts";
import { RedeliveryLedger } from "../../src/process/redelivery-ledger.ts";
import { ReplayClaims } from "../../src/replay/claims.ts";
import { PublishedPlans } from "../../src/tracking-plan/published.ts";
import { PlanSource } from "../../src/tracking-plan/source.ts";
import { IdentityEdges, Vault } from "../../src/vault/index.ts";

export const HMAC_KEY = "an-hmac-key-for-tests-of-32-bytes-or-more";

export interface Emulated {
  config: Config;
  kinesis: KinesisClient;
  failedEvents: FailedEventStore;
  /** The parts of a processor in a new process, without any memory. */
  freshParts(): ProcessorParts;
  vaultItems(): Promise<unknown[]>;
  /** Every record of the enriched stream, per stream shard in order. */
  emitted(rawShard: string): Promise<EnrichedEvent[]>;
  stop(): Promise<void>;
}

export async function startEmulated(): Promise<Emulated> {
  const aws = await startAws();
  const environment = {
    KINESIS_ENDPOINT: aws.kinesis,
    DYNAMODB_ENDPOINT: aws.dynamodb,
    S3_ENDPOINT: aws.s3,
    VAULT_HMAC_KEY: HMAC_KEY,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    POWERTOOLS_METRICS_DISABLED: "true",
    POWERTOOLS_LOG_LEVEL: "SILENT",
  };
  Object.assign(process.env, environment);
  const config = readConfig(environment);
  await provisionAws(config);
  const kinesis = kinesisClient(config);
  const dynamodb = dynamodbClient(config);
  const s3 = s3Client(config);
  const failedEvents = new FailedEventStore(s3, new OriginalSeal(HMAC_KEY));
  return {
    config,
    kinesis,
    failedEvents,
    freshParts: () => ({
      ledger: new RedeliveryLedger(dynamodb),
      replays: new ReplayClaims(dynamodb),
      plans: new PlanSource({ published: new PublishedPlans(dynamodb), cacheMs: 0 }),
      vault: new Vault(dynamodb, HMAC_KEY),
      failedEvents,
      enriched: new EnrichedStream(kinesis),
      edgeCounters: new EdgeCounters(dynamodb),
      identityEdges: new IdentityEdges(dynamodb),
      nowMs: Date.now,
    }),
    vaultItems: async () => {
      const scan = await dynamodb.send(new ScanCommand({ TableName: TABLES.vault }));
      return scan.Items ?? [];
    },
    emitted: async (rawShard) => (await readStream(kinesis)).filter((event) => event.rawShard === rawShard),
    stop: async () => {
      for (const client of [kinesis, dynamodb, s3]) client.destroy();
      await aws.stop();
    },
  };
}

async function readStream(kinesis: KinesisClient): Promise<EnrichedEvent[]> {
  const events: EnrichedEvent[] = [];
  const shards = await kinesis.send(new ListShardsCommand({ StreamName: STREAMS.enriched }));
  for (const { ShardId } of shards.Shards ?? []) {
    const start = { StreamName: STREAMS.enriched, ShardId, ShardIteratorType: "TRIM_HORIZON" as const };
    let iterator = (await kinesis.send(new GetShardIteratorCommand(start))).ShardIterator;
    while (iterator !== undefined) {
      const page = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }));
      for (const { Data } of page.Records ?? []) {
        for (const { value } of decodeFrame(Data ?? new Uint8Array())) events.push(value as EnrichedEvent);
      }
      iterator = (page.Records ?? []).length === 0 ? undefined : page.NextShardIterator;
    }
  }
  return events;
}

/** The events that a consumer with one monotone checkpoint per raw shard accepts: every event once, also if it was put twice. */
export function asConsumed(emitted: readonly EnrichedEvent[]): EnrichedEvent[] {
  let checkpoint = "";
  return emitted.filter(({ position }) => {
    if (position <= checkpoint) return false;
    checkpoint = position;
    return true;
  });
}
