// Event-source mappings on the embedded Kinesis: order, partial failures, bisecting, the failure destination, reshards, and what
// a killed consumer repeats.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { CreateStreamCommand, type KinesisClient, PutRecordCommand, SplitShardCommand } from "@aws-sdk/client-kinesis";
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, STREAMS } from "@behaviour/contract";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { kinesisClient, s3Client } from "../../backend/src/aws.ts";
import { type Config, readConfig } from "../../backend/src/config.ts";
import type { StreamHandler } from "../../backend/src/stream/event.ts";
import { Isolation } from "../event-source/isolation.ts";
import { Mapping } from "../event-source/mapping.ts";
import { DEFAULTS, type MappingSettings } from "../event-source/settings.ts";
import { type EmbeddedAws, provisionAws, startAws } from "../index.ts";

const folder = mkdtempSync(join(tmpdir(), "event-source-"));
let aws: EmbeddedAws;
let config: Config;
let kinesis: KinesisClient;
let s3: S3Client;
let streams = 0;
const mappings: Mapping[] = [];

beforeAll(async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "local");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "local");
  aws = await startAws({ parts: ["kinesis", "s3", "dynamodb"] });
  config = readConfig({ KINESIS_ENDPOINT: aws.kinesis, S3_ENDPOINT: aws.s3, DYNAMODB_ENDPOINT: aws.dynamodb });
  await provisionAws(config);
  kinesis = kinesisClient(config);
  s3 = s3Client(config);
});

afterEach(async () => {
  await Promise.all(mappings.splice(0).map((mapping) => mapping.stop()));
});

afterAll(async () => {
  await aws.stop();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

async function newStream(shards = 1): Promise<string> {
  streams++;
  const stream = `test-${streams}`;
  await kinesis.send(new CreateStreamCommand({ StreamName: stream, ShardCount: shards }));
  await until(async () => (await put(stream, "first-is-not-counted")) !== undefined);
  return stream;
}

async function put(stream: string, text: string, partitionKey = "k"): Promise<string | undefined> {
  const data = { StreamName: stream, Data: Buffer.from(text), PartitionKey: partitionKey };
  return (await kinesis.send(new PutRecordCommand(data)).catch(() => undefined))?.SequenceNumber;
}

async function putAll(stream: string, texts: readonly string[], partitionKey?: string): Promise<void> {
  for (const text of texts) await put(stream, text, partitionKey);
}

function consume(stream: string, handler: StreamHandler, settings: Partial<MappingSettings> = {}): Mapping {
  const mapping = new Mapping(
    { ...DEFAULTS, pollIntervalMs: 10, backoffMaxMs: 20, consumer: `c-${stream}`, stream, ...settings },
    handler,
    {
      kinesis,
      s3,
      region: "us-east-1",
      checkpointsFolder: join(folder, "checkpoints"),
      isolation: new Isolation(join(folder, stream), false),
      report: () => undefined,
      onTimeout: () => undefined,
    },
  );
  mappings.push(mapping);
  return mapping;
}

/** A handler over the records' texts. It returns the text at which it fails, or throws. */
function reading(handle: (texts: string[]) => string | undefined): StreamHandler {
  return async (event) => {
    const records = event.Records.map((record) => ({
      text: Buffer.from(record.kinesis.data, "base64").toString("utf8"),
      sequence: record.kinesis.sequenceNumber,
    })).filter(({ text }) => text !== "first-is-not-counted");
    const failed = handle(records.map(({ text }) => text));
    const found = records.find(({ text }) => text === failed);
    return { batchItemFailures: found === undefined ? [] : [{ itemIdentifier: found.sequence }] };
  };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await holds())) throw new Error("does not hold yet");
    },
    { timeout: 20_000, interval: 10 },
  );
}

const numbered = (count: number, prefix = "r") => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

async function undelivered(stream: string): Promise<string[]> {
  const listed = await s3.send(new ListObjectsV2Command({ Bucket: BUCKETS.undelivered, Prefix: `c-${stream}/` }));
  const texts = (listed.Contents ?? []).map(async ({ Key }) => {
    const object = await s3.send(new GetObjectCommand({ Bucket: BUCKETS.undelivered, Key }));
    const batch = JSON.parse((await object.Body?.transformToString()) ?? "{}");
    return (batch.payload.Records as { kinesis: { data: string } }[]).map((record) =>
      Buffer.from(record.kinesis.data, "base64").toString("utf8"),
    );
  });
  return (await Promise.all(texts)).flat();
}

describe("a mapping", { timeout: 30_000 }, () => {
  test("delivers a shard's records once, in order, in batches of at most the configured size", async () => {
    const stream = await newStream();
    const seen: string[] = [];
    let largest = 0;
    await putAll(stream, numbered(30));
    const handler = reading((texts) => {
      largest = Math.max(largest, texts.length);
      seen.push(...texts);
      return undefined;
    });
    consume(stream, handler, { batchSize: 7 });
    await until(() => seen.length === 30);
    expect(seen).toEqual(numbered(30));
    expect(largest).toBeLessThanOrEqual(7);
  });

  test("waits for the batch window and collects the records that arrive in the meantime", async () => {
    const stream = await newStream();
    const batches: string[][] = [];
    const handler = reading((texts) => {
      batches.push(texts);
      return undefined;
    });
    consume(stream, handler, { batchWindowMs: 400 });
    await putAll(stream, numbered(5));
    await until(() => batches.flat().length === 5);
    expect(batches.length).toBeLessThan(5);
  });

  test("resumes at the lowest reported record", async () => {
    const stream = await newStream();
    const done: string[] = [];
    let failures = 0;
    await putAll(stream, numbered(10));
    const handler = reading((texts) => {
      if (texts.includes("r4") && failures < 2) {
        failures++;
        done.push(...texts.slice(0, texts.indexOf("r4")));
        return "r4";
      }
      done.push(...texts);
      return undefined;
    });
    consume(stream, handler);
    await until(() => done.length === 10);
    expect(done).toEqual(numbered(10));
  });

  test("sends only the record that keeps failing to the failure destination, with its payload", async () => {
    const stream = await newStream();
    const done: string[] = [];
    await putAll(stream, numbered(20));
    const handler = reading((texts) => {
      const poison = texts.indexOf("r7");
      done.push(...(poison < 0 ? texts : texts.slice(0, poison)));
      return poison < 0 ? undefined : "r7";
    });
    consume(stream, handler, { maximumRetryAttempts: 2 });
    await until(() => done.includes("r19"));
    expect([...new Set(done)]).toEqual(numbered(20).filter((text) => text !== "r7"));
    expect(await undelivered(stream)).toEqual(["r7"]);
  });

  test("bisects a batch that the function reports as bad without naming a record", async () => {
    const stream = await newStream();
    const done: string[] = [];
    await putAll(stream, numbered(16));
    const handler = reading((texts) => {
      if (texts.includes("r5")) throw Object.assign(new Error("bad data"), { dataFault: true });
      done.push(...texts);
      return undefined;
    });
    consume(stream, handler, { maximumRetryAttempts: 1 });
    await until(() => done.includes("r15"));
    expect(done).toEqual(numbered(16).filter((text) => text !== "r5"));
    expect(await undelivered(stream)).toEqual(["r5"]);
  });

  test("delays all records and sends none to the failure destination while a store is down", async () => {
    const stream = await newStream();
    const done: string[] = [];
    let calls = 0;
    await putAll(stream, numbered(5));
    const handler = reading((texts) => {
      calls++;
      if (calls <= 12) throw new Error("connect ECONNREFUSED");
      done.push(...texts);
      return undefined;
    });
    consume(stream, handler, { maximumRetryAttempts: 2 });
    await until(() => done.length === 5);
    expect(done).toEqual(numbered(5));
    expect(await undelivered(stream)).toEqual([]);
  });

  test("reads child shards only after their parent, in order, through a reshard", async () => {
    const stream = await newStream();
    const seen: string[] = [];
    await putAll(stream, numbered(5, "before"));
    const middle = (1n << 127n).toString();
    await kinesis.send(
      new SplitShardCommand({ StreamName: stream, ShardToSplit: "shardId-000000000000", NewStartingHashKey: middle }),
    );
    await until(async () => (await put(stream, "after0")) !== undefined);
    await putAll(stream, ["after1", "after2"]);
    const handler = reading((texts) => {
      seen.push(...texts);
      return undefined;
    });
    consume(stream, handler);
    await until(() => seen.includes("after2"));
    expect(seen).toEqual([...numbered(5, "before"), ...numbered(3, "after")]);
  });

  test("continues from its checkpoint, and starts again on a stream that was recreated", async () => {
    const stream = await newStream();
    const seen: string[] = [];
    const handler = reading((texts) => {
      seen.push(...texts);
      return undefined;
    });
    await putAll(stream, ["one", "two"]);
    const first = consume(stream, handler);
    await until(() => seen.length === 2);
    await first.stop();
    await put(stream, "three");
    consume(stream, handler);
    await until(() => seen.length === 3);
    expect(seen).toEqual(["one", "two", "three"]);
  });
});

describe("a function host", { timeout: 60_000 }, () => {
  test("that is killed with kill -9 loses nothing and continues close to its last position", async () => {
    const file = join(folder, "killed.txt");
    const seen = () => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);
    const texts = numbered(120, "k");
    for (let kill = 0; kill < 3; kill++) {
      const host = startHost(file);
      await putAll(STREAMS.raw, texts.slice(kill * 40, kill * 40 + 40), String(kill));
      await until(() => seen().some((text) => Number(text.slice(1)) >= kill * 40 + 5));
      host.kill("SIGKILL");
      await ended(host);
    }
    const last = startHost(file);
    // The process prints this when it has started to listen to signals.
    await once(last.stdout as Readable, "data");
    await until(() => new Set(seen()).size === texts.length);
    last.kill("SIGTERM");
    await ended(last);
    expect(last.exitCode).toBe(0);
    expect([...new Set(seen())].sort()).toEqual([...texts].sort());
    // Records that no checkpoint on disk covered are repeated, but not all records at every start.
    expect(seen().length).toBeLessThan(texts.length * 3);
  });

  test("ends its process when a function never returns", async () => {
    const file = join(folder, "stuck.txt");
    await put(STREAMS.raw, "never-return");
    const host = startHost(file, { FUNCTION_TIMEOUT_MS: "300" });
    await ended(host);
    expect(host.exitCode).toBe(75);
  });

  test("that a record crashes sends only that record to the failure destination, however many there are", async () => {
    const file = join(folder, "deadly.txt");
    const seen = () => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);
    const texts = numbered(40, "d");
    const deadly = new Set(["d11", "d12", "d30"]);
    await putAll(
      STREAMS.enriched,
      texts.map((text) => (deadly.has(text) ? `${text} end-process` : text)),
    );
    const good = texts.filter((text) => !deadly.has(text));
    const goodSeen = () => new Set(seen().filter((text) => good.includes(text)));
    let deaths = 0;
    while (goodSeen().size < good.length) {
      const host = startHost(file, deaths > 0 ? { ENDED_BY_ITSELF: "1" } : {}, "hot");
      await Promise.race([ended(host), until(() => goodSeen().size === good.length)]);
      if (host.exitCode === null && host.signalCode === null) host.kill("SIGTERM");
      await ended(host);
      deaths++;
      expect(deaths).toBeLessThan(10);
    }
    const kept = await s3.send(new ListObjectsV2Command({ Bucket: BUCKETS.undelivered, Prefix: "hot/" }));
    const payloads = await Promise.all(
      (kept.Contents ?? []).map(async ({ Key }) => {
        const object = await s3.send(new GetObjectCommand({ Bucket: BUCKETS.undelivered, Key }));
        const batch = JSON.parse((await object.Body?.transformToString()) ?? "{}");
        return (batch.payload.Records as { kinesis: { data: string } }[]).map((record) =>
          Buffer.from(record.kinesis.data, "base64").toString("utf8"),
        );
      }),
    );
    expect(payloads.flat().sort()).toEqual([...deadly].map((text) => `${text} end-process`).sort());
  });

  test("says which handler is missing", async () => {
    const host = startHost(join(folder, "none.txt"), { FUNCTIONS_DIR: folder });
    let said = "";
    host.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await ended(host);
    expect(host.exitCode).not.toBe(0);
    expect(said).toContain('function "process" has no file');
  });

  function startHost(file: string, environment: Record<string, string> = {}, name = "process"): ChildProcess {
    return spawn(process.execPath, [join(import.meta.dirname, "../functions.ts"), name], {
      env: {
        PATH: process.env.PATH,
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        KINESIS_ENDPOINT: aws.kinesis,
        S3_ENDPOINT: aws.s3,
        DATA_DIR: join(folder, "host"),
        FUNCTIONS_DIR: join(import.meta.dirname, "functions"),
        RECORDER_FILE: file,
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  function ended(host: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
      if (host.exitCode !== null || host.signalCode !== null) resolve();
      else host.once("exit", () => resolve());
    });
  }
});
