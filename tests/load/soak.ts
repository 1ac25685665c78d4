// `npm run soak`: 500 events/s for ten minutes against a running `npm start`. It measures the memory of the whole process tree,
// and checks that every event arrived once: in the hot tier by its exact count, in the warm tier id by id (through the listing),
// in the cold tier by looking up some messages.

import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { LIMITS } from "@behaviour/contract";
import { Child } from "./child.ts";
import { newRun, sequenceOf } from "./events.ts";
import type { LoadOrder, LoadResult } from "./load-generator.ts";
import { percentile } from "./measure.ts";
import { type MemoryUse, memoryOf } from "./memory.ts";
import { RunningPipeline } from "./running-pipeline.ts";
import { Sequences } from "./sequences.ts";

const HELP = `npm run soak -- [flags]      against a running \`npm start\` (same PORT and DATA_DIR)

  --minutes N   duration (default 10)
  --rate N      events/s, in batches of 20 (default 500)
  --pid N       the topmost process of the pipeline (default: found by the data folder's lock)
  --json        prints one JSON object
  --help`;

const BATCH = 20;
const CONNECTIONS = 8;
const SAMPLE_EVERY_MS = 1_000;
/** I2: every acknowledged event is in all its tiers within two minutes. */
const ARRIVE_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 1_000;
const TRACED_MESSAGES = 50;
const MEBIBYTE = 1024 * 1024;

interface Flags {
  minutes: number;
  rate: number;
  pid: number | null;
  json: boolean;
}

function readFlags(): Flags | null {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "10" },
      rate: { type: "string", default: "500" },
      pid: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
  if (!(minutes > 0) || !(rate > 0)) throw new Error("--minutes and --rate take numbers above 0");
  return { minutes, rate, pid: values.pid === undefined ? null : Number(values.pid), json: values.json };
}

type Realtime = { perMinute: { minute: string; events: number }[] };

/** Events of the hot tier by minute of receipt. */
async function hotCounts(pipeline: RunningPipeline, minutes: number): Promise<Map<string, number>> {
  const { perMinute } = await pipeline.read<Realtime>(`/v1/query/realtime?minutes=${minutes}`);
  return new Map(perMinute.map(({ minute, events }) => [minute, events]));
}

/**
 * Polls until the hot tier counts that many more events than before.
 * @returns how many more it counts at the end.
 */
async function hotArrivals(
  pipeline: RunningPipeline,
  before: ReadonlyMap<string, number>,
  startedMs: number,
  expected: number,
): Promise<number> {
  const firstMinute = new Date(Math.floor(startedMs / 60_000) * 60_000).toISOString();
  const deadlineMs = Date.now() + ARRIVE_WITHIN_MS;
  for (;;) {
    const minutes = Math.ceil((Date.now() - startedMs) / 60_000) + 2;
    let arrived = 0;
    for (const [minute, events] of await hotCounts(pipeline, minutes)) {
      if (minute >= firstMinute) arrived += events - (before.get(minute) ?? 0);
    }
    if (arrived >= expected || Date.now() > deadlineMs) return arrived;
    await sleep(LOOK_EVERY_MS);
  }
}

interface WarmArrivals {
  seen: Sequences;
  /** Message ids from the whole run. */
  sample: string[];
}

/** Reads the listing until it has every event. Each attempt starts from the beginning, because a copy could also arrive late. */
async function warmArrivals(
  pipeline: RunningPipeline,
  run: string,
  startedMs: number,
  expected: number,
): Promise<WarmArrivals> {
  const sampleEvery = Math.max(1, Math.floor(expected / TRACED_MESSAGES));
  const from = new Date(startedMs - 60_000).toISOString();
  const to = new Date(Date.now() + 60_000).toISOString();
  const deadlineMs = Date.now() + ARRIVE_WITHIN_MS;
  for (;;) {
    const seen = new Sequences();
    const sample: string[] = [];
    for await (const messageId of messageIds(pipeline, from, to)) {
      const sequence = sequenceOf(messageId, run);
      if (sequence === null) continue;
      seen.add(sequence);
      if (sequence % sampleEvery === 0) sample.push(messageId);
    }
    if (seen.distinct >= expected || Date.now() > deadlineMs) return { seen, sample };
    await sleep(LOOK_EVERY_MS);
  }
}

/** Page by page, newest first. */
async function* messageIds(pipeline: RunningPipeline, from: string, to: string): AsyncGenerator<string> {
  let cursor: string | null = null;
  do {
    const after: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await pipeline.fetch(`/v1/events?from=${from}&to=${to}&limit=${LIMITS.queryEventsMax}${after}`);
    const page = (await answer.json()) as { data: { messageId: string }[]; nextCursor: string | null };
    for (const { messageId } of page.data) yield messageId;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/** @returns the number of messages in the cold tier, when all are there or the time is over. */
async function coldArrivals(pipeline: RunningPipeline, messages: readonly string[]): Promise<number> {
  const deadlineMs = Date.now() + ARRIVE_WITHIN_MS;
  for (;;) {
    let arrived = 0;
    for (const messageId of messages) {
      const { cold } = await pipeline.read<{ cold?: string }>(`/v1/events/${messageId}`);
      if (cold !== undefined) arrived++;
    }
    if (arrived === messages.length || Date.now() > deadlineMs) return arrived;
    await sleep(LOOK_EVERY_MS);
  }
}

async function sampleMemory(rootPid: number, until: Promise<unknown>): Promise<{ max: MemoryUse; last: MemoryUse }> {
  let over = false;
  const end = () => {
    over = true;
  };
  until.then(end, end);
  let max = memoryOf(rootPid);
  let last = max;
  while (!over) {
    await sleep(SAMPLE_EVERY_MS);
    last = memoryOf(rootPid);
    if (last.residentBytes > max.residentBytes) max = last;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${describeMemory(last)} …`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return { max, last };
}

function describeMemory({ processes, residentBytes, proportionalBytes }: MemoryUse): string {
  const mebibytes = (bytes: number) => `${Math.round(bytes / MEBIBYTE)} MiB`;
  return `${mebibytes(residentBytes)} resident (${mebibytes(proportionalBytes)} with shared pages counted once), ${processes} processes`;
}

async function main(): Promise<void> {
  const flags = readFlags();
  if (flags === null) return console.log(HELP);
  const pipeline = new RunningPipeline(process.env);
  const rootPid = flags.pid ?? (await pipeline.supervisorPid());
  const generator = new Child<LoadOrder, LoadResult>("load-generator.ts");
  try {
    const run = newRun();
    const startedMs = Date.now();
    const before = await hotCounts(pipeline, 2);
    const loading = generator.ask({
      ports: [pipeline.port],
      key: pipeline.publicKey,
      run,
      load: "track",
      oneDevice: false,
      batch: BATCH,
      connections: CONNECTIONS,
      seconds: flags.minutes * 60,
      eventsPerSecond: flags.rate,
    });
    const memory = await sampleMemory(rootPid, loading);
    const load = await loading;
    const hot = await hotArrivals(pipeline, before, startedMs, load.acknowledged);
    const warm = await warmArrivals(pipeline, run, startedMs, load.acknowledged);
    const cold = await coldArrivals(pipeline, warm.sample);
    report({ flags, memory, load, hot, warm, cold });
  } finally {
    generator.stop();
  }
}

interface Outcome {
  flags: Flags;
  memory: { max: MemoryUse; last: MemoryUse };
  load: LoadResult;
  hot: number;
  warm: WarmArrivals;
  cold: number;
}

/** The command fails if an event was refused, is missing, or is there twice. */
function report({ flags, memory, load, hot, warm, cold }: Outcome): void {
  const { seen, sample } = warm;
  const once = hot === load.acknowledged && seen.distinct === load.acknowledged && seen.copies === 0;
  const passed = once && load.failed.length === 0 && cold === sample.length;
  if (!passed) process.exitCode = 1;
  if (flags.json) {
    const { sent, acknowledged, failed, fault } = load;
    const tiers = {
      hot,
      warm: { distinct: seen.distinct, copies: seen.copies },
      cold: { arrived: cold, of: sample.length },
    };
    return console.log(JSON.stringify({ passed, memory, sent, acknowledged, failed: failed.length, fault, tiers }));
  }
  const milliseconds = (share: number) => `${percentile(load.latencies, share).toFixed(1)} ms`;
  console.log(`${flags.minutes} minutes at ${flags.rate} events/s in batches of ${BATCH}:`);
  console.log(`memory   at most ${describeMemory(memory.max)}`);
  console.log(`         at the end ${describeMemory(memory.last)}`);
  console.log(`answers  p50 ${milliseconds(0.5)}   p95 ${milliseconds(0.95)}   p99 ${milliseconds(0.99)}`);
  console.log(`events   ${load.acknowledged} of ${load.sent} acknowledged, ${load.failed.length} requests failed`);
  if (load.fault !== null) console.log(`         first failure: ${load.fault}`);
  console.log(`hot      ${hot} counted`);
  console.log(`warm     ${seen.distinct} distinct, ${seen.copies} copies`);
  console.log(`cold     ${cold} of ${sample.length} messages looked up`);
  console.log(passed ? "everything arrived exactly once" : "NOT everything arrived exactly once");
}

try {
  await main();
} catch (fault) {
  console.error(`soak: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exitCode = 1;
}
