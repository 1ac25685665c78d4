// The embedded parts as separate processes that are killed with kill -9 and restarted on the same folder and ports. Also the lock
// and the leftover processes of the data folder, which depend on the kernel's list of living processes.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { GetRecordsCommand, GetShardIteratorCommand, PutRecordCommand } from "@aws-sdk/client-kinesis";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { BUCKETS, STREAMS, TABLES } from "@behaviour/contract";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { dynamodbClient, kinesisClient, s3Client } from "../../backend/src/aws.ts";
import { readConfig } from "../../backend/src/config.ts";
import { endLeftovers, FOLDER_MARK } from "../../scripts/start/leftovers.ts";
import { FolderInUse, lockFolder } from "../../scripts/start/lock.ts";
import { choosePorts } from "../../scripts/start/ports.ts";
import { provisionAws } from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "durability-"));
const children: ChildProcess[] = [];

beforeAll(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "local");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => killed(child)));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a part and resolves with the addresses that it prints when it is ready. */
async function start(script: string, args: string[], environment: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, "..", script), ...args], {
    env: { PATH: process.env.PATH, DATA_DIR: folder, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let said = "";
  const addresses = await new Promise<Record<string, string>>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("\n")) resolve(JSON.parse(said));
    });
    child.once("exit", (code) => reject(new Error(`${script} ended with ${code}`)));
  });
  return { child, addresses };
}

async function killed(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await exited;
}

describe("kill -9 and a restart", { timeout: 60_000 }, () => {
  test("Kinesis, DynamoDB and S3 keep everything they acknowledged, at the same addresses", async () => {
    const ports = await choosePorts(join(folder, "ports.json"), ["kinesis", "dynamodb", "s3"]);
    const environment = {
      KINESIS_PORT: String(ports.kinesis),
      DYNAMODB_PORT: String(ports.dynamodb),
      S3_PORT: String(ports.s3),
    };
    const parts = ["kinesis", "dynamodb", "s3"];
    const first = await start("aws.ts", parts, environment);
    const config = readConfig({
      KINESIS_ENDPOINT: first.addresses.kinesis,
      DYNAMODB_ENDPOINT: first.addresses.dynamodb,
      S3_ENDPOINT: first.addresses.s3,
    });
    const [kinesis, dynamodb, s3] = [kinesisClient(config), dynamodbClient(config), s3Client(config)];
    await provisionAws(config);
    const record = { StreamName: STREAMS.raw, Data: Buffer.from("kept"), PartitionKey: "k" };
    const { ShardId } = await kinesis.send(new PutRecordCommand(record));
    const item = { pk: { S: "p" }, sk: { S: "s" }, kept: { BOOL: true } };
    await dynamodb.send(new PutItemCommand({ TableName: TABLES.hot, Item: item }));
    await s3.send(new PutObjectCommand({ Bucket: BUCKETS.events, Key: "a/b=c/file", Body: "kept" }));
    await killed(first.child);

    expect(await choosePorts(join(folder, "ports.json"), ["kinesis", "dynamodb", "s3"])).toEqual(ports);
    const second = await start("aws.ts", parts, environment);
    expect(second.addresses).toEqual(first.addresses);
    await provisionAws(config);
    const position = { StreamName: STREAMS.raw, ShardId, ShardIteratorType: "TRIM_HORIZON" as const };
    const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(position));
    const read = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
    expect(read.Records?.map(({ Data }) => Buffer.from(Data ?? []).toString())).toEqual(["kept"]);
    expect((await dynamodb.send(new ScanCommand({ TableName: TABLES.hot }))).Items).toEqual([item]);
    const object = await s3.send(new GetObjectCommand({ Bucket: BUCKETS.events, Key: "a/b=c/file" }));
    expect(await object.Body?.transformToString()).toBe("kept");
  });

  test("the database keeps committed rows, and a database that was killed during creation is created again", async () => {
    // The state after a first start that was killed halfway: files without the marker.
    mkdirSync(join(folder, "postgres/files"), { recursive: true });
    writeFileSync(join(folder, "postgres/files/PG_VERSION"), "17\n");
    const [port] = Object.values(await choosePorts(join(folder, "pg-ports.json"), ["postgres"]));
    const first = await start("postgres.ts", [], { POSTGRES_PORT: String(port) });
    const url = first.addresses.database as string;
    const before = postgres(url, { max: 2, onnotice: () => undefined });
    await before`create table kept (time timestamptz not null, n int)`;
    await before`select create_hypertable('kept', 'time')`;
    await before`insert into kept select now() - i * interval '1 day', i from generate_series(1, 50) i`;
    await before`alter table kept set (timescaledb.compress)`;
    await before`select compress_chunk(c) from show_chunks('kept') c`;
    const open = before.reserve().then(async (connection) => {
      await connection`begin`;
      await connection`insert into kept values (now(), 1000)`;
    });
    await open;
    await killed(first.child);
    await before.end({ timeout: 0 }).catch(() => undefined);

    const second = await start("postgres.ts", [], { POSTGRES_PORT: String(port) });
    expect(second.addresses.database).toBe(url);
    const after = postgres(url, { max: 1 });
    expect(await after`select count(*)::int as n, max(n) from kept`).toEqual([{ n: 50, max: 50 }]);
    await after.end();
    await killed(second.child, "SIGTERM");
    expect(second.child.exitCode).toBe(0);
  });
});

describe("the data folder's lock", () => {
  test("is refused while it is held, with the holder's message, and is free after release", async () => {
    const lock = await lockFolder(folder, "process 1 at http://localhost:1");
    const refused = await lockFolder(folder, "second").catch((fault: unknown) => fault);
    expect(refused).toBeInstanceOf(FolderInUse);
    expect((refused as FolderInUse).holder).toBe("process 1 at http://localhost:1");
    lock.release();
    await vi.waitFor(async () => (await lockFolder(folder, "third")).release());
  });

  test("does not count after its holder has died", async () => {
    const holds = `import { lockFolder } from ${JSON.stringify(join(import.meta.dirname, "../../scripts/start/lock.ts"))};
      await lockFolder(${JSON.stringify(folder)}, "dead"); console.log("{}"); setInterval(() => undefined, 1000);`;
    const script = join(folder, "holds.ts");
    writeFileSync(script, holds);
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await expect(lockFolder(folder, "too early")).rejects.toThrow("in use: dead");
    await killed(child);
    (await lockFolder(folder, "after")).release();
  });
});

test.skipIf(process.platform !== "linux")(
  "processes that an earlier start left behind are ended, and their ports are free",
  async () => {
    const listens =
      "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port); })";
    const child = spawn(process.execPath, ["-e", listens], {
      env: { [FOLDER_MARK]: folder },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const port = Number(await new Promise<Buffer>((resolve) => child.stdout.once("data", resolve)));
    expect(await endLeftovers(`${folder}-other`)).toBe(0);
    expect(await endLeftovers(folder)).toBe(1);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    server.close();
  },
);
