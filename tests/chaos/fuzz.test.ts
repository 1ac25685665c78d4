// Mutated requests against the production bundle. The answer is never a 5xx, the process never crashes, and at the end the sums
// are exact (I9): every event that was answered `accepted` is on the stream. `npm run chaos` sends 200,000 requests.

import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readConfig } from "@behaviour/backend/config";
import { decodeFrame, generateKey, hashKey, type KeyRecord } from "@behaviour/contract";
import { provisionAws, startAws } from "@behaviour/local";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FuzzedRequest, fuzzedRequest } from "../harness/mutations.ts";
import { Random } from "../harness/random.ts";
import { StreamReader } from "../harness/stream-reader.ts";
import { memoryOf } from "../load/memory.ts";
import { bundleWorker, startEdge, type Workerd } from "../load/workerd.ts";
import { chaosSize } from "./size.ts";

const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? chaosSize({ short: 4_000, full: 200_000 }));
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
  // On disk, because the stream's data from 200,000 requests do not belong in this process's memory.
  aws = await startAws({ dataDir: join(dir, "aws") });
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

/** Counts the events on the stream, by each line's own count and its batch's count. It continues where it stopped. */
class EventCount {
  readonly #stream = new StreamReader(aws.kinesis);
  #events = 0;

  async readOn(): Promise<number> {
    for await (const { data } of this.#stream.readOn())
      for (const { value } of decodeFrame(data)) this.#events += eventsOf(value);
    return this.#events;
  }

  close(): void {
    this.#stream.close();
  }
}

function eventsOf(line: unknown): number {
  const { shape, body } = line as { shape?: string; body?: { batch?: unknown[] } };
  if (shape === undefined) return 0;
  return shape === "batch" ? (body?.batch?.length ?? 0) : 1;
}

/** The result of all requests. It is printed at the end, because a run of minutes should show what it did. */
class Sums {
  readonly statuses = new Map<number, number>();
  readonly codes = new Map<string, number>();
  readonly events = { accepted: 0, duplicates: 0, suppressed: 0, rejected: 0 };
  requests = 0;

  add(
    status: number,
    { code, accepted, duplicates, suppressed, rejected }: Partial<Counters> & { code?: string },
  ): void {
    this.requests++;
    count(this.statuses, status);
    if (code !== undefined) count(this.codes, `${status} ${code}`);
    this.events.accepted += accepted ?? 0;
    this.events.duplicates += duplicates ?? 0;
    this.events.suppressed += suppressed ?? 0;
    this.events.rejected += rejected?.length ?? 0;
  }

  print(onStream: number, seconds: number): void {
    const list = (counts: ReadonlyMap<number | string, number>) =>
      [...counts].sort(([, a], [, b]) => b - a).map(([name, times]) => `    ${String(times).padStart(9)}  ${name}`);
    const { accepted, duplicates, suppressed, rejected } = this.events;
    const lines = [
      `fuzz: ${this.requests} requests in ${seconds.toFixed(0)} s, FUZZ_SEED=${SEED}`,
      "  answers by status",
      ...list(this.statuses),
      "  refusals by code",
      ...list(this.codes),
      "  events",
      ...list(new Map(Object.entries(this.events))),
      `  conservation (I9): ${accepted + duplicates + suppressed + rejected} judged, ${accepted} accepted, ${onStream} on the stream`,
      `  memory: this process ${mebibytes(process.memoryUsage.rss())} MiB, workerd ${mebibytes(memoryOf(edge.pid).residentBytes)} MiB`,
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
}

function count<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

/** Sends one request and checks what must hold for its answer. */
async function sendOne(request: FuzzedRequest, sums: Sums): Promise<void> {
  const { status, text, cors } = await send(request);
  // Built only when it is needed, because 200,000 of these texts cost more than the requests.
  const shown = () =>
    `${request.method} ${request.path} ${JSON.stringify(request.headers)} ${Buffer.from(request.body).toString("latin1").slice(0, 400)} → ${status} ${text}`;
  const isOverloaded = status === 503 && text.includes('"overloaded"');
  if (status < 200 || (status >= 500 && !isOverloaded) || !cors) expect.unreachable(shown());
  const answer = JSON.parse(text) as Partial<Counters> & { code?: string };
  sums.add(status, answer);
  if (status === 200 && eventsIn(request) !== eventsOfAnswer(answer as Counters)) expect.unreachable(shown());
}

it(`takes ${REQUESTS} mutated requests (FUZZ_SEED=${SEED}) without a fault or a miscount`, async () => {
  const random = new Random(SEED);
  const sums = new Sums();
  const startedMs = performance.now();
  let left = REQUESTS;
  const lane = async () => {
    while (left-- > 0) await sendOne(fuzzedRequest(random, key), sums);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
  const onStream = new EventCount();
  try {
    await expect.poll(() => onStream.readOn(), { timeout: 60_000, interval: 1_000 }).toBe(sums.events.accepted);
  } finally {
    sums.print(await onStream.readOn(), (performance.now() - startedMs) / 1_000);
    onStream.close();
  }
  expect(sums.requests).toBe(REQUESTS);
  // Both outcomes occurred. Otherwise the mutations are not what they should be.
  expect(sums.statuses.get(200) ?? 0).toBeGreaterThan(REQUESTS / 4);
  expect(sums.statuses.get(400) ?? 0).toBeGreaterThan(REQUESTS / 50);
}, 1_800_000);

function eventsOfAnswer({ accepted, duplicates, suppressed, rejected }: Counters): number {
  return accepted + duplicates + suppressed + rejected.length;
}

/** The number of events in the request. It must equal accepted + duplicates + suppressed + rejected. */
function eventsIn({ path, headers, body }: FuzzedRequest): number {
  const bytes = headers["content-encoding"]?.trim() === "gzip" ? gunzipSync(body) : body;
  const parsed = JSON.parse(new TextDecoder().decode(bytes)) as { batch?: unknown[] };
  const isBatch = /batch|import|\/b$/.test(path) || (path.includes("beacon") && "batch" in parsed);
  return isBatch ? (parsed.batch?.length ?? 0) : 1;
}
