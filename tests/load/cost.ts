// What a run cost, from what it did: operations counted in the Worker and its objects, by the list prices.

import { OBJECT_GB, PRICES } from "./prices.ts";

/** Counted by `workers/count-operations.js`, from the start of the process. */
export interface Operations {
  /** By `<class>.<method>`; alarms too. */
  objectRequests: Record<string, number>;
  rowsWritten: number;
  rowsRead: number;
  alarmsSet: number;
  /** Rows that stand in all tables: each of them is deleted one day. */
  rowsStanding: number;
  kvReads: number;
  /** When each object was last called, by its id: epoch milliseconds. */
  objectsCalledAtMs: Record<string, number>;
}

/** One run, from idle to idle. */
export interface Run {
  events: number;
  /** What clients sent. */
  requests: number;
  seconds: number;
  /** Of the whole process, so with the objects' own, which Cloudflare counts as duration: an upper bound. */
  cpuSeconds: number;
  putRecordsCalls: number;
  objectRequests: Record<string, number>;
  rowsWritten: number;
  /** Rows written that stand there afterwards: their deletion is paid for, but later. */
  rowsToDelete: number;
  rowsRead: number;
  alarmsSet: number;
  kvReads: number;
  /** Objects that were called in the run. */
  objects: number;
}

/** Dollars per million events. */
export interface Cost {
  worker: number;
  cpu: number;
  objects: number;
  rowsWritten: number;
  rowsRead: number;
  duration: number;
  kv: number;
  sum: number;
}

export type Counted = Omit<Run, "events" | "requests" | "seconds" | "cpuSeconds" | "putRecordsCalls">;

export function operationsBetween(before: Operations, after: Operations, startedAtMs: number): Counted {
  const objectRequests: Record<string, number> = {};
  for (const [method, calls] of Object.entries(after.objectRequests)) {
    const more = calls - (before.objectRequests[method] ?? 0);
    if (more > 0) objectRequests[method] = more;
  }
  return {
    objectRequests,
    rowsWritten: after.rowsWritten - before.rowsWritten,
    rowsToDelete: Math.max(0, after.rowsStanding - before.rowsStanding),
    rowsRead: after.rowsRead - before.rowsRead,
    alarmsSet: after.alarmsSet - before.alarmsSet,
    kvReads: after.kvReads - before.kvReads,
    objects: Object.values(after.objectsCalledAtMs).filter((atMs) => atMs >= startedAtMs).length,
  };
}

export function costOf(run: Run): Cost {
  const perMillion = 1e6 / run.events;
  const parts = {
    worker: run.requests * PRICES.workerRequest * perMillion,
    cpu: run.cpuSeconds * 1_000 * PRICES.workerCpuMs * perMillion,
    objects: sumOf(run.objectRequests) * PRICES.objectRequest * perMillion,
    rowsWritten: (run.rowsWritten + run.rowsToDelete + run.alarmsSet) * PRICES.rowWritten * perMillion,
    rowsRead: run.rowsRead * PRICES.rowRead * perMillion,
    // An object that is called more often than every ten seconds does not sleep in between.
    duration: run.objects * run.seconds * OBJECT_GB * PRICES.objectGbSecond * perMillion,
    kv: run.kvReads * PRICES.kvRead * perMillion,
  };
  return { ...parts, sum: sumOf(parts) };
}

function sumOf(values: object): number {
  return Object.values(values).reduce((sum: number, value: number) => sum + value, 0);
}

export interface Scenario {
  name: string;
  batch: number;
  oneDevice: boolean;
  /** Asked for; what the machine managed stands in the run. */
  eventsPerSecond: number;
  shards: number;
  isolates: number;
}

const COLUMNS = ["events", "asked/s", "ran at/s", "shards", "isolates"];
const WIDTHS = [17, 8, 8, 7, 8];
const DOLLARS = ["worker", "CPU", "objects", "rows", "read", "duration", "KV", "sum"];
const DOLLAR_WIDTH = 8;

export function costHead(): string {
  const counted = COLUMNS.map((cell, index) => pad(cell, index));
  return [...counted, ...DOLLARS.map((cell) => cell.padStart(DOLLAR_WIDTH))].join("  ");
}

export function costRow(scenario: Scenario, run: Run, shardsRun: number): string {
  const { worker, cpu, objects, rowsWritten, rowsRead, duration, kv, sum } = costOf(run);
  const cells = [
    scenario.name,
    rounded(scenario.eventsPerSecond),
    rounded(run.events / run.seconds),
    shardsRun === scenario.shards ? String(scenario.shards) : `${shardsRun} of ${scenario.shards}`,
    String(scenario.isolates),
  ].map(pad);
  const dollars = [worker, cpu, objects, rowsWritten, rowsRead, duration, kv, sum];
  return [...cells, ...dollars.map((value) => value.toFixed(3).padStart(DOLLAR_WIDTH))].join("  ");
}

/** The operations behind the row, per event. */
export function operationsRow(run: Run): string {
  const perEvent = (count: number) => (count / run.events).toFixed(3);
  const calls = Object.entries(run.objectRequests).map(([method, count]) => `${method} ${perEvent(count)}`);
  const rows = `rows written ${perEvent(run.rowsWritten)} + to delete ${perEvent(run.rowsToDelete)}`;
  const rest = `setAlarm ${perEvent(run.alarmsSet)}, PutRecords ${perEvent(run.putRecordsCalls)}`;
  return `    per event: ${calls.join(", ")}, ${rows}, rows read ${perEvent(run.rowsRead)}, ${rest}`;
}

/** A run that could not keep up joined what would have come one by one: its calls and rows are too few. */
export function fellBehind(askedPerSecond: number | null, { events, seconds }: Run): boolean {
  return askedPerSecond !== null && events / seconds < askedPerSecond * KEPT_UP;
}

const KEPT_UP = 0.9;

function pad(cell: string, index: number): string {
  return index === 0 ? cell.padEnd(WIDTHS[0] as number) : cell.padStart(WIDTHS[index] as number);
}

function rounded(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
