// `npm run bench -- --cost`: the cost of a million events at Cloudflare's list prices, by the operations that they cause in the
// Worker and its objects. The operations are counted and not modelled: the production bundle runs behind a module that counts.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey, hashKey } from "@behaviour/contract";
import { benchKeyRecord } from "./bench-key.ts";
import type { BenchOptions, CostMode } from "./bench-options.ts";
import { Child } from "./child.ts";
import type { Scenario } from "./cost.ts";
import {
  costHead,
  costOf,
  costRow,
  fellBehind,
  type Operations,
  operationsBetween,
  operationsRow,
  type Run,
} from "./cost.ts";
import type { LoadOrder, LoadResult } from "./load-generator.ts";
import { type Contender, measure } from "./measure.ts";
import type { KinesisCount, KinesisQuestion } from "./null-kinesis.ts";
import { bundleWorker, startEdge } from "./workerd.ts";

const LOADS = [
  { name: "single", batch: 1, oneDevice: false },
  { name: "20 of one device", batch: 20, oneDevice: true },
  { name: "20 of many users", batch: 20, oneDevice: false },
];
const RATES = [10, 1_000, 50_000];
const ISOLATES = [1, 32];
/**
 * A small project has one shard. The largest project needs all shards, and its requests share them with requests from many
 * isolates.
 */
const SHARDS: Record<number, readonly number[]> = { 10: [1], 1_000: [1, 64], 50_000: [8, 64] };
/** With so few events the run must be longer to include rare operations. */
const SLOW_RATE = 100;
const SLOW_SECONDS = 30;
/** The rate that this machine can process in an open loop. */
const REQUESTS_PER_SECOND_MAX = 1_500;
const CONNECTIONS = 256;
const OPEN_LOOP_CONNECTIONS = 64;
const WARM_UP_SECONDS = 2;

export function scenarios({ shards, isolates, eventsPerSecond }: CostMode): Scenario[] {
  const rates = eventsPerSecond === null ? RATES : [eventsPerSecond];
  return rates.flatMap((rate) =>
    (shards === null ? (SHARDS[rate] ?? [1]) : [shards]).flatMap((shardCount) =>
      (isolates === null ? ISOLATES : [isolates]).flatMap((isolateCount) =>
        LOADS.map((load) => ({ ...load, eventsPerSecond: rate, shards: shardCount, isolates: isolateCount })),
      ),
    ),
  );
}

/** The part of a scenario that is run. With `eventsPerSecond` null the events are sent as fast as they are accepted. */
export function partToRun({ batch, oneDevice, eventsPerSecond, shards }: Scenario): {
  shards: number;
  eventsPerSecond: number | null;
} {
  if (eventsPerSecond / batch <= REQUESTS_PER_SECOND_MAX) return { shards, eventsPerSecond };
  const ofOneShard = eventsPerSecond / shards;
  const goesToOneShard = batch === 1 || oneDevice;
  if (goesToOneShard && ofOneShard / batch <= REQUESTS_PER_SECOND_MAX)
    return { shards: 1, eventsPerSecond: ofOneShard };
  return { shards, eventsPerSecond: null };
}

export async function runCosts(options: BenchOptions, mode: CostMode, progress: (text: string) => void): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "behaviour-cost-"));
  const results: { scenario: Scenario; run: Run }[] = [];
  try {
    progress("bundling the Worker");
    const bundle = options.against ?? (await bundleWorker(dir));
    if (!options.json) console.log(`${DESCRIPTION}\n\n${costHead()}`);
    for (const [index, scenario] of scenarios(mode).entries()) {
      progress(
        `${scenario.name}, ${scenario.eventsPerSecond}/s, ${scenario.shards} shards, ${scenario.isolates} isolates`,
      );
      const run = await measureRun(join(dir, String(index)), bundle, scenario, options);
      results.push({ scenario, run });
      progress("");
      const part = partToRun(scenario);
      if (!options.json) console.log(`${costRow(scenario, run, part.shards)}\n${operationsRow(run)}`);
      if (!options.json && fellBehind(part.eventsPerSecond, run)) console.log(FELL_BEHIND);
    }
    if (options.json) {
      console.log(
        JSON.stringify(
          results.map(({ scenario, run }) => ({ scenario, run, cost: costOf(run) })),
          null,
          2,
        ),
      );
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const FELL_BEHIND =
  "    THIS RUN FELL BEHIND (the machine was busy): more requests joined than at the requested rate, so its cost is too low";

const DESCRIPTION = `Dollars per million events at list prices (tests/load/prices.ts). Usage that a plan includes is not subtracted. Logs are off.
worker: one request each. CPU: the process's, objects and runtime included, so an upper bound. objects: calls and alarms. rows:
written rows, one for each setAlarm, and one for each row that is left at the end, because it is deleted later. duration: each
called object, for the time of the run. The sweeper's minute, the network's latency and Kinesis are not included.
Shards "1 of 64": more than this machine can run, so one shard's part of it ran, which is like every other part. If "ran at" is
below "asked" and all shards ran, connections sent as fast as they were answered: at the requested rate commits would hold
more. 32 isolates stand for the hundreds in a data centre: beyond about one request per isolate, shard and 8 ms no request
can join another, and more isolates change nothing.`;

async function measureRun(dir: string, bundle: string, scenario: Scenario, options: BenchOptions): Promise<Run> {
  const serverShards = options.mode.name === "cost" ? options.mode.serverShards : null;
  // A client that sends events of many users in one request is a server.
  const kind = scenario.batch > 1 && !scenario.oneDevice ? "secret" : "public";
  const key = generateKey(kind, "live");
  const part = partToRun(scenario);
  const kinesis = new Child<KinesisQuestion, KinesisCount>("null-kinesis.ts");
  const generator = new Child<LoadOrder, LoadResult>("load-generator.ts");
  const stops = [() => kinesis.stop(), () => generator.stop()];
  try {
    const { port } = await kinesis.ask({ ask: "listen" });
    const server = await startEdge({
      dir,
      bundle,
      kinesisPort: port,
      keyHash: hashKey(key),
      record: benchKeyRecord(part.shards, kind, serverShards),
      isolates: scenario.isolates,
      counted: true,
    });
    stops.push(server.stop);
    const contender: Contender = { name: "collector", server, kinesis };
    const load = {
      load: options.load,
      batch: scenario.batch,
      oneDevice: scenario.oneDevice,
      connections: part.eventsPerSecond === null ? CONNECTIONS : OPEN_LOOP_CONNECTIONS,
      eventsPerSecond: part.eventsPerSecond,
      seconds: scenario.eventsPerSecond < SLOW_RATE ? Math.max(SLOW_SECONDS, options.seconds) : options.seconds,
    };
    // After the warm-up every isolate has read the key, and every shard has registered with the sweeper.
    const warmUp = { ...load, connections: OPEN_LOOP_CONNECTIONS, eventsPerSecond: null, seconds: WARM_UP_SECONDS };
    await measure(contender, warmUp, key, generator);
    const before = await operations(server.port);
    const startedAtMs = Date.now();
    const measured = await measure(contender, load, key, generator);
    const counted = operationsBetween(before, await operations(server.port), startedAtMs);
    return {
      events: measured.events,
      requests: measured.events / scenario.batch,
      seconds: measured.events / measured.eventsPerSecond,
      cpuSeconds: measured.cpuSeconds,
      putRecordsCalls: measured.delivery?.calls ?? 0,
      ...counted,
    };
  } finally {
    for (const stop of stops) stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function operations(port: number): Promise<Operations> {
  const answer = await fetch(`http://127.0.0.1:${port}/operations`);
  if (!answer.ok) throw new Error(`the counting module answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Operations;
}
