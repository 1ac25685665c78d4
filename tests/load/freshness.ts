// `npm run freshness`: the time from an event's 200 until it is visible in `/v1/query/realtime`, while 500 events/s arrive.
// Beside the load one page view at a time is sent to a path that no other event has. The query is repeated until it counts the
// page view. This is the time that a person at the dashboard would see. It includes the query's own time and the polling.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Child } from "./child.ts";
import { newRun } from "./events.ts";
import type { LoadOrder, LoadResult } from "./load-generator.ts";
import { percentile } from "./measure.ts";
import { RunningPipeline } from "./running-pipeline.ts";

const HELP = `npm run freshness -- [flags]      against a running \`npm start\` (same PORT and DATA_DIR)

  --seconds N   duration (default 60)
  --rate N      events/s beside the probes, in batches of 20 (default 500)
  --json        prints one JSON object
  --help`;

const BATCH = 20;
const CONNECTIONS = 4;
/** Pause before the first probe. The consumers' first reads after a silence are not measured. */
const SETTLE_MS = 2_000;
const POLL_EVERY_MS = 25;
const PROBE_DEADLINE_MS = 30_000;
/** Pause between two probes. It is random, so that probes fall at any point of the shard's and the consumers' intervals. */
const PAUSE_MAX_MS = 500;

interface Realtime {
  topPages: { page: string; count: number }[];
}

async function probe(pipeline: RunningPipeline, path: string, sent: number, minutes: number): Promise<number> {
  await pipeline.send({
    type: "page",
    messageId: randomUUID(),
    anonymousId: randomUUID(),
    timestamp: new Date().toISOString(),
    properties: { path, url: `https://shop.example.com${path}` },
  });
  const answeredMs = performance.now();
  while (performance.now() - answeredMs < PROBE_DEADLINE_MS) {
    const { topPages } = await pipeline.read<Realtime>(`/v1/query/realtime?minutes=${minutes}`);
    const count = topPages.find(({ page }) => page === path)?.count ?? 0;
    if (count > sent) throw new Error(`${sent} probes were sent, ${count} are counted`);
    if (count === sent) return performance.now() - answeredMs;
    await sleep(POLL_EVERY_MS);
  }
  throw new Error(`a probe was not visible after ${PROBE_DEADLINE_MS / 1_000} s`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      rate: { type: "string", default: "500" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
  if (!(seconds > 0) || !(rate > 0)) throw new Error("--seconds and --rate take numbers above 0");
  const pipeline = new RunningPipeline(process.env);
  const generator = new Child<LoadOrder, LoadResult>("load-generator.ts");
  try {
    const load = generator.ask({
      ports: [pipeline.port],
      key: pipeline.publicKey,
      run: newRun(),
      load: "track",
      oneDevice: false,
      batch: BATCH,
      connections: CONNECTIONS,
      seconds: seconds + SETTLE_MS / 1_000,
      eventsPerSecond: rate,
    });
    const latencies = await probeFor(seconds, pipeline, load);
    report(latencies, await load, rate, values.json);
  } finally {
    generator.stop();
  }
}

async function probeFor(seconds: number, pipeline: RunningPipeline, load: Promise<LoadResult>): Promise<number[]> {
  let loadFault: unknown = null;
  load.catch((fault: unknown) => {
    loadFault = fault;
  });
  await sleep(SETTLE_MS);
  const path = `/freshness/${randomUUID()}`;
  const minutes = Math.ceil(seconds / 60) + 2;
  const latencies: number[] = [];
  const endMs = performance.now() + seconds * 1_000;
  while (performance.now() < endMs && loadFault === null) {
    latencies.push(await probe(pipeline, path, latencies.length + 1, minutes));
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${latencies.length} probes …`);
    await sleep(Math.random() * PAUSE_MAX_MS);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return latencies.sort((a, b) => a - b);
}

function report(latencies: readonly number[], load: LoadResult, rate: number, json: boolean): void {
  const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => Math.round(percentile(latencies, share)));
  const figures = { probes: latencies.length, p50Ms, p95Ms, p99Ms, maxMs: Math.round(latencies.at(-1) ?? Number.NaN) };
  const loaded = { eventsPerSecond: Math.round(load.acknowledged / load.seconds), failedRequests: load.failed.length };
  if (json) return console.log(JSON.stringify({ rate, ...figures, load: loaded }));
  console.log(`from the 200 to visible in /v1/query/realtime, ${figures.probes} probes beside ${rate} events/s:`);
  console.log(`p50 ${p50Ms} ms   p95 ${p95Ms} ms   p99 ${p99Ms} ms   max ${figures.maxMs} ms`);
  console.log(`load: ${loaded.eventsPerSecond} events/s acknowledged, ${loaded.failedRequests} requests failed`);
}

try {
  await main();
} catch (fault) {
  console.error(`freshness: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exitCode = 1;
}
