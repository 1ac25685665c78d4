// Creates missing resources in the configured endpoints, embedded or real: streams, tables, buckets, the database's schema, the
// development project and its keys. Every step checks first, so an interrupted run can be repeated.

import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  type KeySchemaElement,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  IncreaseStreamRetentionPeriodCommand,
  type KinesisClient,
} from "@aws-sdk/client-kinesis";
import { CreateBucketCommand, HeadBucketCommand, type S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, STREAMS, TABLES } from "@behaviour/contract";
import { callDeadline, dynamodbClient, kinesisClient, s3Client } from "../backend/src/aws.ts";
import { type Config, required } from "../backend/src/config.ts";

const SHARDS_PER_STREAM = 2;
/** A tier that is down has this long to recover before its records expire. */
const RETENTION_HOURS = 7 * 24;
const ACTIVE_DEADLINE_MS = 90_000;
const ACTIVE_POLL_MS = 50;

/**
 * Streams, tables and buckets.
 * @throws when an endpoint does not answer or refuses a request.
 */
export async function provisionAws(config: Config): Promise<void> {
  const kinesis = kinesisClient(config);
  const dynamodb = dynamodbClient(config);
  const s3 = s3Client(config);
  try {
    await Promise.all([
      ...Object.values(STREAMS).map((name) => ensureStream(kinesis, name)),
      ...Object.values(TABLES).map((name) => ensureTable(dynamodb, name)),
      ...Object.values(BUCKETS).map((name) => ensureBucket(s3, name)),
    ]);
  } finally {
    kinesis.destroy();
    dynamodb.destroy();
    s3.destroy();
  }
}

/** The schema. The migrations update it from any earlier state. */
export async function provisionDatabase(config: Config): Promise<void> {
  const { migrateDatabase } = await import("../backend/src/database/migrate.ts");
  await migrateDatabase(required(config.databaseUrl, "DATABASE_URL"));
}

/** The development project with its keys, which are also written to `keysFile`. */
export async function provisionKeys(config: Config, keysFile: string): Promise<void> {
  const { seed } = await import("../backend/src/projects/seed.ts");
  await seed(config, { keysFile });
}

/** All of the above. */
export async function provision(config: Config, options: { keysFile: string }): Promise<void> {
  await Promise.all([provisionAws(config), provisionDatabase(config)]);
  await provisionKeys(config, options.keysFile);
}

async function ensureStream(kinesis: KinesisClient, name: string): Promise<void> {
  const describe = async () => {
    const answer = await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: name }), {
      abortSignal: callDeadline(),
    });
    return answer.StreamDescriptionSummary;
  };
  const existing = await describe().catch(ifNamed("ResourceNotFoundException"));
  if (existing === undefined) {
    const create = new CreateStreamCommand({ StreamName: name, ShardCount: SHARDS_PER_STREAM });
    await kinesis.send(create, { abortSignal: callDeadline() }).catch(ifNamed("ResourceInUseException"));
  }
  await until(`stream ${name} is active`, async () => (await describe())?.StreamStatus === "ACTIVE");
  if (((await describe())?.RetentionPeriodHours ?? 0) >= RETENTION_HOURS) return;
  const increase = new IncreaseStreamRetentionPeriodCommand({
    StreamName: name,
    RetentionPeriodHours: RETENTION_HOURS,
  });
  await kinesis.send(increase, { abortSignal: callDeadline() });
}

async function ensureTable(dynamodb: DynamoDBClient, name: string): Promise<void> {
  const describe = async () =>
    (await dynamodb.send(new DescribeTableCommand({ TableName: name }), { abortSignal: callDeadline() })).Table;
  if ((await describe().catch(ifNamed("ResourceNotFoundException"))) === undefined) {
    const create = new CreateTableCommand({
      TableName: name,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: KEY.map(({ AttributeName }) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: KEY,
    });
    await dynamodb.send(create, { abortSignal: callDeadline() }).catch(ifNamed("ResourceInUseException"));
  }
  await until(`table ${name} is active`, async () => (await describe())?.TableStatus === "ACTIVE");
  const expiry = { AttributeName: "expiresAt", Enabled: true };
  await dynamodb
    .send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: expiry }), {
      abortSignal: callDeadline(),
    })
    // The emulator has no expiry, and the service refuses to enable expiry twice. Neither matters, because the code checks
    // expiry.
    .catch(ifNamed("UnknownOperationException", "ValidationException"));
}

const KEY: KeySchemaElement[] = [
  { AttributeName: "pk", KeyType: "HASH" },
  { AttributeName: "sk", KeyType: "RANGE" },
];

async function ensureBucket(s3: S3Client, name: string): Promise<void> {
  const missing = await s3
    .send(new HeadBucketCommand({ Bucket: name }), { abortSignal: callDeadline() })
    .then(() => false)
    .catch((fault: unknown) => {
      if (errorName(fault) === "NotFound" || errorName(fault) === "NoSuchBucket") return true;
      throw fault;
    });
  if (!missing) return;
  const create = new CreateBucketCommand({ Bucket: name });
  await s3.send(create, { abortSignal: callDeadline() }).catch(ifNamed("BucketAlreadyOwnedByYou"));
}

/** Turns the named faults into `undefined` and throws every other fault again. */
function ifNamed(...names: string[]): (fault: unknown) => undefined {
  return (fault) => {
    if (names.includes(errorName(fault))) return undefined;
    throw fault;
  };
}

function errorName(fault: unknown): string {
  return fault instanceof Error ? fault.name : "";
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + ACTIVE_DEADLINE_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${ACTIVE_DEADLINE_MS / 1_000} s until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, ACTIVE_POLL_MS));
  }
}
