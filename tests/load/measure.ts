// One measurement: load on one server, from idle to idle. The collector is idle when every acknowledged event is on the stream.
// Its CPU seconds therefore cover the whole path, and the events on the stream are compared with the sent events.

import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "./child.ts";
import { type LoadKind, newRun } from "./events.ts";
import type { LoadOrder, LoadResult } from "./load-generator.ts";
import type { KinesisCount, KinesisQuestion } from "./null-kinesis.ts";
import { cpuSeconds } from "./process-cpu.ts";
import type { Workerd } from "./workerd.ts";

export interface Contender {
  name: "ceiling" | "collector" | "against";
  server: Workerd;
  /** The stream of the server. Null for a handler that only answers. */
  kinesis: Child<KinesisQuestion, KinesisCount> | null;
}

export interface Load {
  load: LoadKind;
  oneDevice: boolean;
  batch: number;
  connections: number;
  seconds: number;
  eventsPerSecond: number | null;
}

export interface Measurement {
  events: number;
  eventsPerSecond: number;
  cpuSeconds: number;
  eventsPerCpuSecond: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** For the collector: the time from the last answer until the last event was on the stream, and the records and calls used. */
  delivery: { afterMs: number; records: number; calls: number } | null;
}

const DELIVERY_TIMEOUT_MS = 60_000;
const DELIVERY_POLL_MS = 50;

export async function measure(
  contender: Contender,
  load: Load,
  key: string,
  generator: Child<LoadOrder, LoadResult>,
): Promise<Measurement> {
  const { server, kinesis } = contender;
  const run = newRun();
  await kinesis?.ask({ ask: "begin", run });
  const cpuBefore = cpuSeconds(server.pid);
  const result = await generator.ask({ ...load, ports: server.ports, key, run });
  if (result.fault !== null) {
    throw new Error(`${contender.name}: ${result.failed.length} requests failed, the first with ${result.fault}`);
  }
  const delivery = kinesis === null ? null : await delivered(kinesis, result);
  const spent = cpuSeconds(server.pid) - cpuBefore;
  return {
    events: result.acknowledged,
    eventsPerSecond: result.acknowledged / result.seconds,
    cpuSeconds: spent,
    eventsPerCpuSecond: result.acknowledged / spent,
    p50Ms: percentile(result.latencies, 0.5),
    p95Ms: percentile(result.latencies, 0.95),
    p99Ms: percentile(result.latencies, 0.99),
    delivery,
  };
}

/**
 * Waits until every acknowledged event is on the stream. Throws unless each event is there exactly once and no other event is
 * there.
 */
async function delivered(
  kinesis: Child<KinesisQuestion, KinesisCount>,
  result: LoadResult,
): Promise<NonNullable<Measurement["delivery"]>> {
  const startedMs = performance.now();
  for (;;) {
    const count = await kinesis.ask({ ask: "count" });
    if (count.distinct >= result.acknowledged) {
      assertConserved(count, result);
      return { afterMs: performance.now() - startedMs, records: count.records, calls: count.calls };
    }
    if (performance.now() - startedMs > DELIVERY_TIMEOUT_MS) {
      throw new Error(`of ${result.acknowledged} acknowledged events only ${count.distinct} are on the stream`);
    }
    await sleep(DELIVERY_POLL_MS);
  }
}

/**
 * No request failed, so every sent event was acknowledged. If the number of distinct events of the run equals the number of sent
 * events, no event is missing.
 */
function assertConserved({ distinct, copies, foreign }: KinesisCount, { sent, acknowledged }: LoadResult): void {
  if (acknowledged === sent && distinct === sent && copies === 0 && foreign === 0) return;
  const counts = JSON.stringify({ sent, acknowledged, distinct, copies, foreign });
  throw new Error(`the events on the stream are not the acknowledged events: ${counts}`);
}

/** Nearest rank of sorted values. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
