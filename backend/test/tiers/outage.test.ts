// Tests the tiers as functions in processes of their own on the stream. The database is killed during an insert, stays down, and
// restarts. The warm tier catches up by itself to exactly the sent events; the hot and cold tiers are not affected.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutRecordCommand } from "@aws-sdk/client-kinesis";
import { type EnrichedEvent, encodeMember, STREAMS } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type EmbeddedAws, provisionAws, startAws } from "../../../local/index.ts";
import { dynamodbClient, kinesisClient, s3Client } from "../../src/aws.ts";
import { readConfig } from "../../src/config.ts";
import { connect } from "../../src/database/client.ts";
import { migrateDatabase } from "../../src/database/migrate.ts";
import { freshName, runOf } from "./events.ts";
import { queryParquet, scanEvents } from "./stores.ts";

const LOCAL = join(import.meta.dirname, "../../../local");
const KILLS = 2;
const RECORD_EVENTS = 400;
const CATCH_UP = { timeout: 90_000, interval: 300 };

const folder = mkdtempSync(join(tmpdir(), "outage-"));
const children = new Set<ChildProcess>();
let aws: EmbeddedAws;
let databasePort: number;
let ending = false;

function environment(): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    KINESIS_ENDPOINT: aws.kinesis,
    DYNAMODB_ENDPOINT: aws.dynamodb,
    S3_ENDPOINT: aws.s3,
    DATABASE_URL: databaseUrl(),
  };
}

const databaseUrl = () => `postgres://postgres@127.0.0.1:${databasePort}/postgres`;

/** Resolves when the process has reported that it is ready. */
async function start(script: string, args: readonly string[], more: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(LOCAL, script), ...args], {
    env: { ...environment(), ...more },
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  const ready = child.stdout === null ? Promise.resolve([]) : once(child.stdout, "data");
  await Promise.race([ready, once(child, "exit")]);
  child.stdout?.resume();
  return child;
}

/** Retries the start if the database does not start, as its supervisor does. */
async function startDatabase(): Promise<ChildProcess> {
  for (let tries = 1; ; tries++) {
    const more = { DATA_DIR: join(folder, "database"), POSTGRES_PORT: String(databasePort) };
    const child = await start("postgres.ts", [], more);
    if (child.exitCode === null && child.signalCode === null) return child;
    if (tries === 3) throw new Error("the database does not start");
  }
}

/** Restarts a function's process whenever it ends, as its supervisor does. */
async function startFunction(name: string, more: Record<string, string> = {}): Promise<void> {
  const child = await start("functions.ts", [name], { DATA_DIR: join(folder, name), ...more });
  child.once("exit", () => {
    if (!ending) void startFunction(name, { ENDED_BY_ITSELF: "1" });
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

beforeAll(async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "local");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
  aws = await startAws();
  databasePort = await freePort();
  await startDatabase();
  await Promise.all([provisionAws(readConfig(environment())), migrateDatabase(databaseUrl())]);
  await Promise.all(["hot", "warm", "cold"].map((name) => startFunction(name)));
}, 120_000);

afterAll(async () => {
  ending = true;
  const exits = [...children].map((child) => once(child, "exit"));
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(exits);
  await aws?.stop();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function put(events: readonly EnrichedEvent[]): Promise<void> {
  const kinesis = kinesisClient(readConfig(environment()));
  for (let first = 0; first < events.length; first += RECORD_EVENTS) {
    const lines = events.slice(first, first + RECORD_EVENTS).map((event) => JSON.stringify(event));
    await kinesis.send(
      new PutRecordCommand({
        StreamName: STREAMS.enriched,
        PartitionKey: events[0]?.rawShard ?? "",
        Data: encodeMember(lines),
      }),
    );
  }
  kinesis.destroy();
}

async function warmRows(project: string): Promise<number | null> {
  const sql = connect(databaseUrl(), 1);
  try {
    const [row] = await sql<{ count: number }[]>`select count(*)::int as count from events where project = ${project}`;
    return row?.count ?? null;
  } catch {
    return null; // The database is down.
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function hotAndColdHold(project: string, events: number): Promise<void> {
  const config = readConfig(environment());
  const [dynamodb, s3] = [dynamodbClient(config), s3Client(config)];
  await vi.waitFor(async () => {
    expect(await scanEvents(dynamodb, project)).toBe(events);
    const rows = await queryParquet(
      s3,
      project,
      "select count(*)::int as n, count(distinct message_id)::int as d from events",
    );
    expect(rows[0]).toEqual({ n: events, d: events });
  }, CATCH_UP);
}

describe("the database", () => {
  it("that is killed during inserts and down for a while delays only the warm tier, which then holds every event once", async () => {
    const project = freshName("p");
    const shards = [freshName("shardId"), freshName("shardId")];
    let sent = 0;
    const send = async (count: number) => {
      for (const rawShard of shards) await put(runOf({ project, rawShard, first: sent + 1, count }));
      sent += count;
    };
    let database = [...children].find((child) => child.spawnargs.some((arg) => arg.endsWith("postgres.ts")));
    for (let kill = 0; kill < KILLS; kill++) {
      const before = (await warmRows(project)) ?? 0;
      await send(6_000);
      await vi.waitFor(async () => expect(await warmRows(project)).toBeGreaterThan(before), CATCH_UP);
      database?.kill("SIGKILL");
      if (database !== undefined) await once(database, "exit");
      await send(500);
      // The database is down during this check.
      await hotAndColdHold(project, 2 * sent);
      expect(await warmRows(project)).toBeNull();
      database = await startDatabase();
    }
    await vi.waitFor(async () => expect(await warmRows(project)).toBe(2 * sent), CATCH_UP);
    const sql = connect(databaseUrl(), 1);
    const [row] = await sql`select count(distinct message_id)::int as ids from events where project = ${project}`;
    await sql.end();
    expect(row?.["ids"]).toBe(2 * sent);
  }, 240_000);
});
