// Runs the backend's whole path in one process, on real parts: raw stream, processor, enriched stream, the three tiers, and
// the query API. The test takes the place of the edge.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { paginateScan } from "@aws-sdk/client-dynamodb";
import { PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { type FailedEvent, STREAMS, TABLES } from "@behaviour/contract";
import { Isolation } from "../../../local/event-source/isolation.ts";
import { Mapping, type MappingSurroundings } from "../../../local/event-source/mapping.ts";
import { DEFAULTS } from "../../../local/event-source/settings.ts";
import { provisionAws, startAws, startPostgres } from "../../../local/index.ts";
import { dynamodbClient, kinesisClient, s3Client } from "../../src/aws.ts";
import { readConfig } from "../../src/config.ts";
import { connect, databaseClient, type Sql } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";
import { FailedEventStore, OriginalSeal } from "../../src/failed/index.ts";
import { EdgeCounters } from "../../src/process/edge-counters.ts";
import { EnrichedStream } from "../../src/process/emit.ts";
import { type ProcessorParts, processRecords } from "../../src/process/pipeline.ts";
import { rawRecord } from "../../src/process/record.ts";
import { RedeliveryLedger } from "../../src/process/redelivery-ledger.ts";
import { createProject } from "../../src/projects/projects.ts";
import { arrivedMessages } from "../../src/replay/arrived.ts";
import { ReplayClaims } from "../../src/replay/claims.ts";
import { RawStream } from "../../src/replay/raw-stream.ts";
import type { ReplayParts } from "../../src/replay/replayer.ts";
import { loadWarmAgain } from "../../src/replay/warm-again.ts";
import type { StreamHandler } from "../../src/stream/event.ts";
import { PublishedPlans } from "../../src/tracking-plan/published.ts";
import { PlanSource } from "../../src/tracking-plan/source.ts";
import { IdentityEdges, Vault } from "../../src/vault/index.ts";
import { queryParquet } from "../tiers/stores.ts";

const SECRET = "a secret of more than thirty-two characters";

export interface Tiers {
  hot: number;
  warm: string[];
  cold: string[];
}

export interface Backend {
  sql: Sql;
  failedEvents: FailedEventStore;
  /** The processor's counts since the start. */
  counts: { processed: number; redelivered: number };
  replayParts: ReplayParts;
  /** Puts records into the raw stream as the edge's shards do. */
  send(frames: readonly Uint8Array[]): Promise<void>;
  ask(project: string, method: string, path: string, body?: unknown): Promise<{ status: number; body: any }>;
  /** The sorted message ids of the warm and cold tiers, and the number of events of the hot tier. */
  tiers(project: string): Promise<Tiers>;
  cold(project: string, query: string): Promise<Record<string, unknown>[]>;
  failures(project: string): Promise<FailedEvent[]>;
  makeProject(id: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startBackend(): Promise<Backend> {
  const [aws, postgres] = await Promise.all([startAws(), startPostgres()]);
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    KINESIS_ENDPOINT: aws.kinesis,
    DYNAMODB_ENDPOINT: aws.dynamodb,
    S3_ENDPOINT: aws.s3,
    DATABASE_URL: postgres.url,
    DATABASE_CONNECTIONS: "1",
    INTERNAL_SECRET: SECRET,
    VAULT_HMAC_KEY: SECRET,
    POWERTOOLS_METRICS_DISABLED: "true",
    POWERTOOLS_LOG_LEVEL: "SILENT",
  });
  const config = readConfig();
  await Promise.all([provisionAws(config), migrateDatabase(postgres.url)]);
  const [kinesis, dynamodb, s3] = [kinesisClient(config), dynamodbClient(config), s3Client(config)];
  const [sql, database] = [connect(postgres.url, 1), databaseClient(config)];
  const seal = new OriginalSeal(SECRET);
  const failedEvents = new FailedEventStore(s3, seal);
  const processor: ProcessorParts = {
    ledger: new RedeliveryLedger(dynamodb),
    edgeCounters: new EdgeCounters(dynamodb),
    identityEdges: new IdentityEdges(dynamodb),
    replays: new ReplayClaims(dynamodb),
    // Every batch reads the plan, so that a new plan applies at once.
    plans: new PlanSource({ published: new PublishedPlans(dynamodb), cacheMs: 0 }),
    vault: new Vault(dynamodb, SECRET),
    failedEvents,
    enriched: new EnrichedStream(kinesis),
    nowMs: Date.now,
  };
  const counted = { processed: 0, redelivered: 0 };
  const process_: StreamHandler = async ({ Records }, context) => {
    const records = Records.map(rawRecord);
    const { counts, resumeAt } = await processRecords(processor, records, () => context.getRemainingTimeInMillis());
    counted.processed += counts.processed;
    counted.redelivered += counts.redelivered;
    return { batchItemFailures: resumeAt === null ? [] : [{ itemIdentifier: resumeAt }] };
  };
  const folder = mkdtempSync(join(tmpdir(), "replay-"));
  const around: MappingSurroundings = {
    kinesis,
    s3,
    region: "us-east-1",
    checkpointsFolder: join(folder, "checkpoints"),
    isolation: new Isolation(join(folder, "under-way"), false),
    report: (message, fields) => {
      if (process.env["SHOW_FAULTS"] !== undefined) console.error(message, fields);
    },
    onTimeout: (problem) => {
      throw problem;
    },
  };
  const [hot, warm, cold, query] = await Promise.all([
    import("../../src/lambdas/hot.ts"),
    import("../../src/lambdas/warm.ts"),
    import("../../src/lambdas/cold.ts"),
    import("../../src/lambdas/query.ts"),
  ]);
  const consumers: [string, string, StreamHandler][] = [
    ["process", STREAMS.raw, process_],
    ["hot", STREAMS.enriched, hot.handler],
    ["warm", STREAMS.enriched, warm.handler],
    ["cold", STREAMS.enriched, cold.handler],
  ];
  const mappings = consumers.map(
    ([consumer, stream, handler]) =>
      new Mapping({ ...DEFAULTS, consumer, stream, pollIntervalMs: 50, backoffMaxMs: 2_000 }, handler, around),
  );
  const app = query.connectQuery(config);

  return {
    sql,
    failedEvents,
    counts: counted,
    replayParts: {
      failedEvents,
      seal,
      claims: new ReplayClaims(dynamodb),
      raw: new RawStream(kinesis),
      arrived: (project, messages) => arrivedMessages(sql, project, messages, Date.now()),
      loadWarm: (events) => loadWarmAgain(sql, events),
      nowMs: Date.now,
    },
    send: async (frames) => {
      const Records = frames.map((Data, index) => ({ Data, PartitionKey: `test/${index}.${Math.random()}` }));
      const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName: STREAMS.raw, Records }));
      if (FailedRecordCount !== 0) throw new Error("a record was not taken");
    },
    ask: async (project, method, path, body) => {
      const headers = { "x-project": project, "x-key-id": "k_test", "x-scopes": "read admin", "x-request-id": "r" };
      const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
      const response = await app.request(path, init);
      return { status: response.status, body: await response.json() };
    },
    tiers: async (project) => {
      let events = 0;
      for await (const page of paginateScan({ client: dynamodb }, { TableName: TABLES.hot, ConsistentRead: true })) {
        for (const item of page.Items ?? []) {
          if (item["pk"]?.S?.startsWith(`${project}#`) === true) events += Number(item["events"]?.N ?? 0);
        }
      }
      const rows = await sql<{ message_id: string }[]>`select message_id from events where project = ${project}`;
      const archived = await queryParquet(s3, project, "select message_id from events");
      return {
        hot: events,
        warm: rows.map((row) => row.message_id).toSorted(),
        cold: archived.map((row) => String(row["message_id"])).toSorted(),
      };
    },
    cold: (project, text) => queryParquet(s3, project, text),
    failures: (project) => {
      const dayMs = 86_400_000;
      return failedEvents.list({ project, fromMs: Date.now() - 40 * dayMs, toMs: Date.now() + dayMs, limit: 10_000 });
    },
    makeProject: async (id) => {
      await createProject(database, { name: id }, null, id);
    },
    stop: async () => {
      await Promise.all(mappings.map((mapping) => mapping.stop()));
      await Promise.all([sql.end({ timeout: 2 }), database.$client.end({ timeout: 2 })]);
      for (const client of [kinesis, dynamodb, s3]) client.destroy();
      await Promise.all([aws.stop(), postgres.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean, withinMs = 150_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (holds(value) || Date.now() > deadline) return value;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
