// Opens the tiers on real parts, and an independent reader of the content of each tier.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, type FailedEvent, TABLES } from "@behaviour/contract";
import { DuckDBInstance } from "@duckdb/node-api";
import { provisionAws, startAws, startPostgres } from "../../../local/index.ts";
import { dynamodbClient, s3Client } from "../../src/aws.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { connect, type Sql } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";
import { ColdTier } from "../../src/tiers/cold/tier.ts";
import { HotTier } from "../../src/tiers/hot/tier.ts";
import type { Tier, TierName } from "../../src/tiers/tier.ts";
import { WarmTier } from "../../src/tiers/warm/tier.ts";
import { type CrashPlan, crashingClient, crashingSql } from "./crash.ts";

export interface TierStores {
  /** The URL of the database. */
  url: string;
  config: Config;
  dynamodb: DynamoDBClient;
  s3: S3Client;
  sql: Sql;
  failed: FailedEvent[];
  stop(): Promise<void>;
}

export interface Held {
  /** Number of rows, or of counted events. */
  events: number;
  /** The sorted ids; null for the tier that keeps no ids. */
  messageIds: string[] | null;
}

export interface TierUnderTest {
  name: TierName;
  /** Opens the tier as a new process. */
  open(crash?: CrashPlan): Tier;
  holds(project: string): Promise<Held>;
}

export async function openStores(): Promise<TierStores> {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
  const [aws, postgres] = await Promise.all([startAws(), startPostgres()]);
  const config = readConfig({
    KINESIS_ENDPOINT: aws.kinesis,
    DYNAMODB_ENDPOINT: aws.dynamodb,
    S3_ENDPOINT: aws.s3,
    DATABASE_URL: postgres.url,
  });
  await Promise.all([provisionAws(config), migrateDatabase(postgres.url)]);
  const dynamodb = dynamodbClient(config);
  const s3 = s3Client(config);
  const sql = connect(postgres.url, 4);
  return {
    url: postgres.url,
    config,
    dynamodb,
    s3,
    sql,
    failed: [],
    stop: async () => {
      await sql.end({ timeout: 5 });
      dynamodb.destroy();
      s3.destroy();
      await Promise.all([aws.stop(), postgres.stop()]);
    },
  };
}

export function tiersUnderTest(stores: () => TierStores): TierUnderTest[] {
  const dynamodb = (crash?: CrashPlan) =>
    crash === undefined ? stores().dynamodb : crashingClient(stores().dynamodb, crash);
  const s3 = (crash?: CrashPlan) => (crash === undefined ? stores().s3 : crashingClient(stores().s3, crash));
  const sql = (crash?: CrashPlan) => (crash === undefined ? stores().sql : crashingSql(stores().sql, crash));
  const storeFailed = async (failed: readonly FailedEvent[]) => void stores().failed.push(...failed);
  return [
    {
      name: "hot",
      open: (crash) => new HotTier({ dynamodb: dynamodb(crash) }),
      holds: async (project) => ({ events: await scanEvents(stores().dynamodb, project), messageIds: null }),
    },
    {
      name: "warm",
      open: (crash) => new WarmTier({ sql: sql(crash), storeFailed }),
      holds: async (project) => {
        const rows = await stores().sql<{ message_id: string }[]>`
          select message_id from events where project = ${project}`;
        return { events: rows.length, messageIds: rows.map((row) => row.message_id).toSorted() };
      },
    },
    {
      name: "cold",
      open: (crash) => new ColdTier({ s3: s3(crash), dynamodb: dynamodb(crash) }),
      holds: async (project) => {
        const rows = await queryParquet(stores().s3, project, "select message_id from events");
        return { events: rows.length, messageIds: rows.map((row) => String(row["message_id"])).toSorted() };
      },
    },
  ];
}

/** The sum of `events` over all items of the project with that attribute, read without our own reader. */
export async function scanEvents(dynamodb: DynamoDBClient, project: string): Promise<number> {
  let sum = 0;
  let startKey: Record<string, never> | undefined;
  do {
    const scan: ScanCommand = new ScanCommand({
      TableName: TABLES.hot,
      ConsistentRead: true,
      ...(startKey === undefined ? {} : { ExclusiveStartKey: startKey }),
    });
    const page = await dynamodb.send(scan);
    for (const item of page.Items ?? []) {
      if (item["pk"]?.S?.startsWith(`${project}#`) === true) sum += Number(item["events"]?.N ?? 0);
    }
    startKey = page.LastEvaluatedKey as Record<string, never> | undefined;
  } while (startKey !== undefined);
  return sum;
}

export async function parquetKeys(s3: S3Client, project: string): Promise<string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const list: ListObjectsV2Command = new ListObjectsV2Command({
      Bucket: BUCKETS.events,
      Prefix: `project=${project}/`,
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await s3.send(list);
    for (const { Key } of page.Contents ?? []) if (Key?.endsWith(".parquet") === true) keys.push(Key);
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return keys;
}

/** Runs a DuckDB query over a project's objects, which are visible as the view `events`. */
export async function queryParquet(
  s3: S3Client,
  project: string,
  query: string,
  { unionByName = false } = {},
): Promise<Record<string, unknown>[]> {
  const keys = await parquetKeys(s3, project);
  if (keys.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), "cold-"));
  try {
    for (const key of keys) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKETS.events, Key: key }));
      const path = join(folder, key);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, (await Body?.transformToByteArray()) ?? new Uint8Array());
    }
    const connection = await (await DuckDBInstance.create()).connect();
    await connection.run(
      `create view events as select * from read_parquet('${folder}/project=*/day=*/*.parquet', hive_partitioning = false, union_by_name = ${unionByName})`,
    );
    const reader = await connection.runAndReadAll(query);
    connection.closeSync();
    return reader.getRowObjectsJS();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
