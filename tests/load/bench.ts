// `npm run bench`: the speed of the collector on this machine, beside the fastest possible handler on the same runtime.

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { generateKey, hashKey } from "@behaviour/contract";
import { benchKeyRecord } from "./bench-key.ts";
import { type BenchOptions, HELP, readOptions } from "./bench-options.ts";
import { Child } from "./child.ts";
import { runCosts } from "./cost-bench.ts";
import type { LoadOrder, LoadResult } from "./load-generator.ts";
import { type Contender, type Load, type Measurement, measure } from "./measure.ts";
import type { KinesisCount, KinesisQuestion } from "./null-kinesis.ts";
import { type Round, type SizeReport, summarise, tableHead, tableRows } from "./report.ts";
import { bundleWorker, startEdge, startParseOnly } from "./workerd.ts";

/** The figures of these runs are not used. They cover just-in-time compilation, caches and the first look-up of the key. */
const WARM_UP_SECONDS = 2;

interface Bench {
  key: string;
  contenders: Contender[];
  generator: Child<LoadOrder, LoadResult>;
  stop: () => void;
}

async function start(options: BenchOptions): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), "behaviour-bench-"));
  const stops: (() => void)[] = [];
  const stop = () => {
    for (const each of stops.splice(0)) each();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    progress("bundling the Worker");
    const ours = await bundleWorker(dir);
    progress("starting workerd");
    const key = generateKey("public", "live");
    const edge = async (name: "collector" | "against", bundle: string): Promise<Contender> => {
      const kinesis = new Child<KinesisQuestion, KinesisCount>("null-kinesis.ts");
      stops.push(() => kinesis.stop());
      const { port } = await kinesis.ask({ ask: "listen" });
      const server = await startEdge({
        dir: join(dir, name),
        bundle,
        kinesisPort: port,
        keyHash: hashKey(key),
        record: benchKeyRecord(options.shards),
        isolates: options.isolates,
      });
      stops.push(server.stop);
      return { name, server, kinesis };
    };
    const parseOnly = await startParseOnly(join(dir, "ceiling"));
    stops.push(parseOnly.stop);
    const contenders: Contender[] = [{ name: "ceiling", server: parseOnly, kinesis: null }];
    contenders.push(await edge("collector", ours));
    if (options.against !== null) contenders.push(await edge("against", options.against));
    const generator = new Child<LoadOrder, LoadResult>("load-generator.ts");
    stops.push(() => generator.stop());
    return { key, contenders, generator, stop };
  } catch (fault) {
    stop();
    throw fault;
  }
}

async function measureSize(bench: Bench, load: Load, rounds: number): Promise<SizeReport> {
  const { contenders, generator, key } = bench;
  for (const contender of contenders) {
    progress(`batches of ${load.batch}: ${contender.name} warms up`);
    await measure(contender, { ...load, seconds: WARM_UP_SECONDS }, key, generator);
  }
  const measured: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    const of: Partial<Record<Contender["name"], Measurement>> = {};
    for (const contender of contenders) {
      progress(`batches of ${load.batch}: ${contender.name}, round ${round} of ${rounds}`);
      of[contender.name] = await measure(contender, load, key, generator);
    }
    measured.push(of as Round);
  }
  return summarise(load.batch, measured);
}

function loadFor({ mode, connections, seconds, load }: BenchOptions, batch: number): Load {
  const eventsPerSecond = mode.name === "openLoop" ? mode.eventsPerSecond : null;
  return { load, oneDevice: false, batch, connections, seconds, eventsPerSecond };
}

async function run(options: BenchOptions): Promise<void> {
  const bench = await start(options);
  const reports: SizeReport[] = [];
  try {
    if (!options.json) console.log(`${describe(options)}\n\n${tableHead()}`);
    for (const batch of options.batches) {
      const report = await measureSize(bench, loadFor(options, batch), options.rounds);
      reports.push(report);
      clearProgress();
      if (!options.json) console.log(tableRows(report));
    }
    if (options.json) console.log(JSON.stringify({ options, reports }, null, 2));
    else console.log("\nEvery acknowledged event was on the stream exactly once.");
  } finally {
    clearProgress();
    bench.stop();
  }
}

function describe({ mode, seconds, rounds, connections, load, shards, isolates }: BenchOptions): string {
  const arrival =
    mode.name === "openLoop"
      ? `open loop, ${mode.eventsPerSecond} events/s`
      : `closed loop, ${connections} connections`;
  const sent = { mix: "events as websites send them (tests/load/mix.ndjson)", track: "track events of 870 bytes" }[
    load
  ];
  return [
    `${arrival}; medians of ${rounds} rounds of ${seconds} s; load generator on the same machine.`,
    `load: ${sent}.`,
    `collector: the production bundle in workerd, isolates: ${isolates}, shards on disk: ${shards}, acknowledged after fsync;`,
    "behind it a null Kinesis (answers PutRecords immediately, in its own process), so that only the server's CPU",
    "is counted.",
    "ceiling: the same runtime with a handler that parses the body and answers.",
    "CPU s: workerd's, all threads, until the last event is on the stream.",
    describeMachine(),
  ].join("\n");
}

/** Other programs on the machine make every figure worse, and the collector's figures more than the ceiling's. */
export function describeMachine(): string {
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return `machine: ${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}), load average ${load} at the start.`;
}

/** Only on a terminal, because a log should not contain lines that are overwritten. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text} …`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") console.log(HELP);
  else if (options.mode.name === "cost") await runCosts(options, options.mode, progress);
  else await run(options);
} catch (fault) {
  clearProgress();
  console.error(`bench: ${fault instanceof Error ? fault.message : String(fault)}`);
  process.exitCode = 1;
}
