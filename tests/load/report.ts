// The benchmark's report: medians over the rounds, and ratios of pairs (each round's collector against the ceiling measured just
// before it), because a machine's speed drifts.

import { type Contender, type Measurement, median } from "./measure.ts";

export type Round = Record<Contender["name"], Measurement | undefined>;

export interface SizeReport {
  batch: number;
  contenders: { name: Contender["name"]; measurement: Measurement }[];
  ratios: { name: Contender["name"]; to: Contender["name"]; perCpuSecond: number; perSecond: number }[];
}

export function summarise(batch: number, rounds: readonly Round[]): SizeReport {
  const names = (["ceiling", "collector", "against"] as const).filter((name) => rounds[0]?.[name] !== undefined);
  const of = (name: Contender["name"]) => rounds.map((round) => round[name] as Measurement);
  const ratio = (name: Contender["name"], to: Contender["name"]) => {
    const pairs = rounds.map((round) => [round[name] as Measurement, round[to] as Measurement] as const);
    return {
      name,
      to,
      perCpuSecond: median(pairs.map(([a, b]) => a.eventsPerCpuSecond / b.eventsPerCpuSecond)),
      perSecond: median(pairs.map(([a, b]) => a.eventsPerSecond / b.eventsPerSecond)),
    };
  };
  return {
    batch,
    contenders: names.map((name) => ({ name, measurement: medians(of(name)) })),
    ratios: [
      ...(names.includes("ceiling") ? names.slice(1).map((name) => ratio(name, "ceiling")) : []),
      ...(names.includes("against") ? [ratio("collector", "against")] : []),
    ],
  };
}

/** Field by field: each field is the median of that field. */
function medians(all: readonly Measurement[]): Measurement {
  const of = (field: (measurement: Measurement) => number) => median(all.map(field));
  const deliveries = all.flatMap(({ delivery }) => (delivery === null ? [] : [delivery]));
  return {
    events: of(({ events }) => events),
    eventsPerSecond: of(({ eventsPerSecond }) => eventsPerSecond),
    cpuSeconds: of(({ cpuSeconds }) => cpuSeconds),
    eventsPerCpuSecond: of(({ eventsPerCpuSecond }) => eventsPerCpuSecond),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p95Ms: of(({ p95Ms }) => p95Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    delivery:
      deliveries.length === 0
        ? null
        : {
            afterMs: median(deliveries.map(({ afterMs }) => afterMs)),
            records: median(deliveries.map(({ records }) => records)),
            calls: median(deliveries.map(({ calls }) => calls)),
          },
  };
}

const COLUMNS = ["batch", "", "events/s", "p50 ms", "p95 ms", "p99 ms", "CPU s", "events/CPU s"];
const WIDTHS = [5, 9, 9, 7, 7, 7, 6, 12];

export function tableHead(): string {
  return tableLine(COLUMNS);
}

export function tableRows({ batch, contenders, ratios }: SizeReport): string {
  const rows = contenders.map(({ name, measurement }) =>
    tableLine([
      String(batch),
      name,
      rounded(measurement.eventsPerSecond),
      measurement.p50Ms.toFixed(2),
      measurement.p95Ms.toFixed(2),
      measurement.p99Ms.toFixed(2),
      measurement.cpuSeconds.toFixed(2),
      rounded(measurement.eventsPerCpuSecond),
    ]),
  );
  const comparisons = ratios.map(
    ({ name, to, perCpuSecond, perSecond }) =>
      `      ${name} / ${to}: ${perCpuSecond.toFixed(3)} per CPU second, ${perSecond.toFixed(3)} per second`,
  );
  return [...rows, ...comparisons].join("\n");
}

function tableLine(cells: readonly string[]): string {
  return cells.map((cell, index) => (index === 1 ? cell.padEnd(9) : cell.padStart(WIDTHS[index] as number))).join("  ");
}

function rounded(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
