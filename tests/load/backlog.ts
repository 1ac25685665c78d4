// How fast the whole backend processes a backlog in the raw stream: `node tests/load/backlog.ts [events]`. The stream is filled
// first. Then the functions start in the same two processes as under `npm start`, and the time counts until hot, warm and cold
// each hold every event. Emulators, database and functions share this machine. The report also has the CPU time of each process,
// which shows the rate on a machine without other work.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type AttributeValue, type DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, STREAMS, TABLES } from "@behaviour/contract";
import postgres from "postgres";
import { dynamodbClient, kinesisClient, s3Client } from "../../backend/src/aws.ts";
import { decodeMessageIds } from "../../backend/src/tiers/cold/parquet.ts";
import { batchLine, frame, shopEvent } from "../../backend/test/process/sample.ts";
import { type Parts, startFunctions, startParts } from "../../backend/test/tiers/parts.ts";
import { provision } from "../../local/index.ts";
import { cpuSeconds } from "./process-cpu.ts";

const EVENTS = Number(process.argv[2] ?? 100_000);
const BATCH_EVENTS = 100;
const RECORD_BATCHES = 10;
const PUT_RECORDS = 20;
const POLL_MS = 500;
const GIVE_UP_MS = 15 * 60_000;
const PROJECT = "p_backlog";
const FUNCTIONS = [
  ["process", "hot"],
  ["warm", "cold"],
];

async function fill(parts: Parts): Promise<void> {
  const kinesis = kinesisClient(parts.config);
  let made = 0;
  const record = () => {
    const lines: string[] = [];
    for (let batch = 0; batch < RECORD_BATCHES && made < EVENTS; batch++) {
      const events = Array.from({ length: Math.min(BATCH_EVENTS, EVENTS - made) }, () => shopEvent(made++));
      lines.push(batchLine(events, { project: PROJECT }));
    }
    return { Data: frame(lines), PartitionKey: `${PROJECT}-eu-${made % 97}/${made}` };
  };
  while (made < EVENTS) {
    const Records = Array.from({ length: PUT_RECORDS }, () => (made < EVENTS ? [record()] : [])).flat();
    const answer = await kinesis.send(new PutRecordsCommand({ StreamName: STREAMS.raw, Records }));
    if (answer.FailedRecordCount !== 0) throw new Error(`${answer.FailedRecordCount} records were not stored`);
    process.stdout.write(`\rfilling ${made.toLocaleString("en")} of ${EVENTS.toLocaleString("en")}`);
  }
  process.stdout.write("\n");
  kinesis.destroy();
}

const SECRETS = { VAULT_HMAC_KEY: "v".repeat(32), INTERNAL_SECRET: "i".repeat(32), QUERY_PORT: "0" };

async function hotEvents(dynamodb: DynamoDBClient): Promise<number> {
  let events = 0;
  let startKey: Record<string, AttributeValue> | undefined;
  do {
    const query: QueryCommand = new QueryCommand({
      TableName: TABLES.hot,
      KeyConditionExpression: "pk = :pk",
      ExpressionAttributeValues: { ":pk": { S: `${PROJECT}#minute` } },
      ProjectionExpression: "events",
      ConsistentRead: true,
      ...(startKey === undefined ? {} : { ExclusiveStartKey: startKey }),
    });
    const page = await dynamodb.send(query);
    for (const item of page.Items ?? []) events += Number(item["events"]?.N ?? 0);
    startKey = page.LastEvaluatedKey;
  } while (startKey !== undefined);
  return events;
}

class ColdRows {
  readonly #rows = new Map<string, number>();

  async count(s3: S3Client): Promise<number> {
    const listed = await s3.send(new ListObjectsV2Command({ Bucket: BUCKETS.events, Prefix: `project=${PROJECT}/` }));
    for (const { Key } of listed.Contents ?? []) {
      if (Key === undefined || this.#rows.has(Key)) continue;
      const object = await s3.send(new GetObjectCommand({ Bucket: BUCKETS.events, Key }));
      const bytes = await object.Body?.transformToByteArray();
      this.#rows.set(Key, (await decodeMessageIds(bytes ?? new Uint8Array())).length);
    }
    return [...this.#rows.values()].reduce((sum, rows) => sum + rows, 0);
  }
}

/** @returns for each tier the seconds until it held every event */
async function watch(parts: Parts): Promise<Map<string, number>> {
  const [dynamodb, s3] = [dynamodbClient(parts.config), s3Client(parts.config)];
  const sql = postgres(parts.config.databaseUrl ?? "", { max: 1 });
  const coldRows = new ColdRows();
  const counts: Record<string, () => Promise<number>> = {
    hot: () => hotEvents(dynamodb),
    // The tier's own count, which it writes in the same transaction as the rows. Counting the rows all the time would be a load
    // of its own.
    warm: async () =>
      (await sql`select coalesce(sum(loaded), 0)::int as n from warm_count where project = ${PROJECT}`)[0]?.[
        "n"
      ] as number,
    cold: () => coldRows.count(s3),
  };
  const done = new Map<string, number>();
  const startedMs = performance.now();
  while (done.size < 3) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const line: string[] = [];
    for (const [tier, count] of Object.entries(counts)) {
      if (done.has(tier)) continue;
      const held = await count();
      line.push(`${tier} ${held.toLocaleString("en")}`);
      if (held > EVENTS) throw new Error(`${tier} holds ${held} of ${EVENTS} events`);
      if (held === EVENTS) done.set(tier, (performance.now() - startedMs) / 1_000);
    }
    process.stdout.write(`\r${line.join("  ").padEnd(60)}`);
    if (performance.now() - startedMs > GIVE_UP_MS) throw new Error("not finished after 15 minutes");
  }
  process.stdout.write("\n");
  const [rows] =
    await sql`select count(*)::int as n, count(distinct message_id)::int as ids from event where project = ${PROJECT}`;
  if (rows?.["n"] !== EVENTS || rows["ids"] !== EVENTS) throw new Error("warm does not hold every event once");
  await sql.end();
  dynamodb.destroy();
  s3.destroy();
  return done;
}

const parts = await startParts();
let functions: ChildProcess[] = [];
try {
  await provision(parts.config, { keysFile: join(parts.folder, "keys.json") });
  await fill(parts);
  functions = await Promise.all(FUNCTIONS.map((names) => startFunctions(parts, names, SECRETS)));
  const processes: [string, number][] = [
    ...functions.map((child, index): [string, number] => [FUNCTIONS[index]?.join(", ") ?? "", child.pid ?? 0]),
    ...["Kinesis, DynamoDB, S3", "TimescaleDB"].map((name, index): [string, number] => [name, parts.pids[index] ?? 0]),
  ];
  const before = new Map(processes.map(([, pid]) => [pid, cpuSeconds(pid)]));
  const seconds = await watch(parts);
  for (const [tier, s] of seconds) {
    console.log(
      `${tier.padEnd(5)} ${s.toFixed(1).padStart(7)} s  ${Math.round(EVENTS / s)
        .toLocaleString("en")
        .padStart(8)} events/s`,
    );
  }
  const all = Math.max(...seconds.values());
  console.log(
    `all three: ${Math.round(EVENTS / all).toLocaleString("en")} events/s, including the start of the functions`,
  );
  let cpu = 0;
  for (const [name, pid] of processes) {
    const spent = cpuSeconds(pid) - (before.get(pid) ?? 0);
    cpu += spent;
    console.log(`${name.padEnd(24)} ${spent.toFixed(1).padStart(6)} CPU-seconds`);
  }
  console.log(`${Math.round(EVENTS / cpu).toLocaleString("en")} events per CPU-second of all of them together`);
} finally {
  const ended = functions.map((child) => once(child, "exit"));
  for (const child of functions) child.kill("SIGTERM");
  await Promise.all(ended);
  await parts.stop();
}
