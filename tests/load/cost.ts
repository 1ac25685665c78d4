// The cost of a run, from its operations: counts of the Worker and its objects, multiplied by the list prices.

import { OBJECT_GB, PRICES } from "./prices.ts";

/** Counted by `workers/count-operations.js` since the start of the process. */
export interface Operations {
  /** By `<class>.<method>`. Alarms are included. */
  objectRequests: Record<string, number>;
  rowsWritten: number;
  rowsRead: number;
  alarmsSet: number;
  /** Rows left in all tables. Each of them is deleted later. */
  rowsStanding: number;
  kvReads: number;
  /** The time of each object's last call, by its id, in epoch milliseconds. */
  objectsCalledAtMs: Record<string, number>;
}

/** One run, from idle to idle. */
export interface Run {
  events: number;
  /** Requests that clients sent. */
  requests: number;
  seconds: number;
  /**
   * CPU time of the whole process. It includes the objects' CPU time, which Cloudflare counts as duration, so it is an upper
   * bound.
   */
  cpuSeconds: number;
  putRecordsCalls: number;
  objectRequests: Record<string, number>;
  rowsWritten: number;
  /** Written rows that are left at the end. Their deletion is paid for later. */
  rowsToDelete: number;
  rowsRead: number;
  alarmsSet: number;
  kvReads: number;
  /** Objects that were called during the run. */
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
  /** The requested rate. The run has the rate that the machine reached. */
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

/** The operations behind the table row, per event. */
export function operationsRow(run: Run): string {
  const perEvent = (count: number) => (count / run.events).toFixed(3);
  const calls = Object.entries(run.objectRequests).map(([method, count]) => `${method} ${perEvent(count)}`);
  const rows = `rows written ${perEvent(run.rowsWritten)} + to delete ${perEvent(run.rowsToDelete)}`;
  const rest = `setAlarm ${perEvent(run.alarmsSet)}, PutRecords ${perEvent(run.putRecordsCalls)}`;
  return `    per event: ${calls.join(", ")}, ${rows}, rows read ${perEvent(run.rowsRead)}, ${rest}`;
}

/** A run that was too slow joined requests that would otherwise have arrived one by one. Its calls and rows are too few. */
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
