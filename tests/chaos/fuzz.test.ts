// Mutated requests against the production bundle: never a 5xx, never a crash, and at the end the sums are exact (I9): what was
// answered `accepted` is on the stream, event for event. 200,000 of them with `npm run chaos`.

import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  GetRecordsCommand,
  type GetRecordsCommandOutput,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
} from "@aws-sdk/client-kinesis";
import { readConfig } from "@behaviour/backend/config";
import { provisionAws, startAws } from "@behaviour/backend/local";
import { decodeFrame, generateKey, hashKey, type KeyRecord } from "@behaviour/contract";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FuzzedRequest, fuzzedRequest } from "../harness/mutations.ts";
import { Random } from "../harness/random.ts";
import { bundleWorker, startEdge, type Workerd } from "../load/workerd.ts";
import { chaosSize } from "./size.ts";

const REQUESTS = chaosSize({ short: 4_000, full: 200_000 });
const CONCURRENCY = 16;
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);

let dir: string;
let aws: Awaited<ReturnType<typeof startAws>>;
let edge: Workerd;
const key = generateKey("public", "live");
const record: KeyRecord = {
  id: "k_fuzz",
  project: "p_fuzz",
  kind: "public",
  environment: "live",
  scopes: ["write", "consent"],
  origins: [],
  cidrs: [],
  rateLimit: 1_000_000,
  notBefore: null,
  notAfter: null,
  revokedAt: null,
  shards: 2,
  settings: { consentRegime: "opt-out" },
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "behaviour-fuzz-"));
  aws = await startAws();
  process.env.AWS_ACCESS_KEY_ID ??= "local";
  process.env.AWS_SECRET_ACCESS_KEY ??= "local";
  const { kinesis, dynamodb, s3 } = aws;
  await provisionAws(readConfig({ KINESIS_ENDPOINT: kinesis, DYNAMODB_ENDPOINT: dynamodb, S3_ENDPOINT: s3 }));
  const kinesisPort = Number(new URL(aws.kinesis).port);
  edge = await startEdge({ dir, bundle: await bundleWorker(dir), kinesisPort, keyHash: hashKey(key), record });
});

afterAll(async () => {
  edge?.stop();
  await aws?.stop();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
});

const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });

interface Counters {
  accepted: number;
  duplicates: number;
  suppressed: number;
  rejected: unknown[];
}

function send({
  path,
  method,
  headers,
  body,
}: FuzzedRequest): Promise<{ status: number; text: string; cors: boolean }> {
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      host: "127.0.0.1",
      port: edge.port,
      path,
      method,
      headers: { ...headers, "content-length": body.byteLength },
    };
    const sent = httpRequest(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (text += chunk));
      answer.on("end", () =>
        resolve({ status: answer.statusCode ?? 0, text, cors: answer.headers["access-control-allow-origin"] === "*" }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** How many events the stream holds, each line's own and its batch's. */
async function eventsOnStream(): Promise<number> {
  const kinesis = new KinesisClient({
    region: "us-east-1",
    endpoint: aws.kinesis,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: new NodeHttpHandler(),
  });
  const StreamName = "behaviour-raw";
  const { Shards } = await kinesis.send(new ListShardsCommand({ StreamName }));
  let events = 0;
  for (const { ShardId } of Shards ?? []) {
    const from = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
    let { ShardIterator } = await kinesis.send(new GetShardIteratorCommand(from));
    for (let records = 1; records > 0 && ShardIterator !== undefined; ) {
      const page: GetRecordsCommandOutput = await kinesis.send(new GetRecordsCommand({ ShardIterator, Limit: 1_000 }));
      for (const { Data } of page.Records ?? [])
        for (const line of decodeFrame(Data as Uint8Array)) events += eventsOf(line.value);
      records = page.Records?.length ?? 0;
      ShardIterator = page.NextShardIterator;
    }
  }
  kinesis.destroy();
  return events;
}

function eventsOf(line: unknown): number {
  const { shape, body } = line as { shape?: string; body?: { batch?: unknown[] } };
  if (shape === undefined) return 0;
  return shape === "batch" ? (body?.batch?.length ?? 0) : 1;
}

it(`takes ${REQUESTS} mutated requests (FUZZ_SEED=${SEED}) without a fault or a miscount`, async () => {
  const random = new Random(SEED);
  let left = REQUESTS;
  let accepted = 0;
  const statuses = new Map<number, number>();
  const lane = async () => {
    while (left-- > 0) {
      const request = fuzzedRequest(random, key);
      const { status, text, cors } = await send(request);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const shown = `${request.method} ${request.path} ${JSON.stringify(request.headers)} ${Buffer.from(request.body).toString("latin1").slice(0, 400)}`;
      expect(status, shown).toBeGreaterThanOrEqual(200);
      expect(status, `${shown} → ${text}`).toBeLessThan(500);
      expect(cors, shown).toBe(true);
      const answer = JSON.parse(text) as Partial<Counters>;
      if (answer.accepted !== undefined) accepted += answer.accepted;
      if (status === 200) expectWhole(request, answer as Counters, shown);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  // Both ways happened, or the mutations are not what they should be.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(REQUESTS / 4);
  expect(statuses.get(400) ?? 0).toBeGreaterThan(REQUESTS / 50);
  await expect.poll(eventsOnStream, { timeout: 60_000, interval: 1_000 }).toBe(accepted);
}, 1_800_000);

/** accepted + duplicates + suppressed + rejected = events in the request. */
function expectWhole({ path, headers, body }: FuzzedRequest, answer: Counters, shown: string): void {
  if (headers["content-encoding"] === "gzip") return;
  const text = new TextDecoder().decode(body).replace(/^\ufeff/, "");
  const parsed = JSON.parse(text) as { batch?: unknown[] };
  const isBatch = /batch|import|\/b$/.test(path) || (path.includes("beacon") && "batch" in parsed);
  const events = isBatch ? (parsed.batch?.length ?? 0) : 1;
  expect(answer.accepted + answer.duplicates + answer.suppressed + answer.rejected.length, shown).toBe(events);
}
