// The tiers when they are full: `node tests/load/volume.ts [events]` loads this number of events of one project (by default a
// million), and a tenth as many of another project, over the same sixty days, through the tier's own loader, day by day as they
// would arrive. TimescaleDB then compresses and aggregates them. After that the program asks the dashboard's questions of both
// projects, so that the growth from a tenth to all of the events is visible. "Cold" is the first time after the stores were
// restarted, with their own caches empty (not the operating system's). Ten million events take some 20 minutes on two idle cores.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { dynamodbClient } from "../../backend/src/aws.ts";
import { connect, type Sql } from "../../backend/src/database/client.ts";
import { migrateDatabase } from "../../backend/src/database/migrate.ts";
import { FunnelQuestion, queryFunnel } from "../../backend/src/query/funnel.ts";
import { queryTop, TopParameters } from "../../backend/src/query/top.ts";
import { queryTrend, TrendParameters } from "../../backend/src/query/trend.ts";
import { readRealtime } from "../../backend/src/tiers/hot/read.ts";
import { startParts } from "../../backend/test/tiers/parts.ts";
import { provisionAws } from "../../local/index.ts";
import { cpuSeconds } from "./process-cpu.ts";
import {
  bytesPerEvent,
  DAY_MS,
  LANES,
  loadHot,
  loadWarm,
  REALTIME_MINUTES,
  SPAN_DAYS,
  UNCOMPRESSED_DAYS,
} from "./volume-load.ts";

const HELP = `node tests/load/volume.ts [EVENTS]

Loads EVENTS events of one project (default 1000000) and a tenth as many of another project over the same sixty days,
compresses and aggregates them, and asks the dashboard's questions of both. Ten million take some 20 minutes and 3 GB of disk.`;

const EVENTS = Number(process.argv[2] ?? 1_000_000);
if (!Number.isInteger(EVENTS) || EVENTS < 1_000) {
  console.log(HELP);
  process.exit(process.argv[2] === "--help" ? 0 : 2);
}
const WARM_RUNS = 20;
const PARTS = ["kinesis", "dynamodb", "s3"];
/** The loader's limit on a statement in the database is too short for a measurement. */
const QUERY_TIMEOUT_MS = 300_000;

const toMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const fromMs = toMs - SPAN_DAYS * DAY_MS;
const PROJECTS = [
  { project: "p_small", events: Math.round(EVENTS / 10) },
  { project: "p_large", events: EVENTS },
];

async function runJobs(sql: Sql, procedure: string): Promise<void> {
  const startedMs = performance.now();
  const jobs = await sql<{ job_id: number }[]>`
    select job_id from timescaledb_information.jobs where proc_name = ${procedure} order by job_id`;
  for (const { job_id } of jobs) await sql`call run_job(${job_id})`;
  console.log(`${procedure}: ${seconds(startedMs)}`);
}

/** Jobs run only when they are called. A job during the loading would compress half-filled days. */
async function holdJobs(sql: Sql): Promise<void> {
  await sql`select alter_job(job_id, scheduled => false) from timescaledb_information.jobs where hypertable_name is not null`;
}

interface Stores {
  sql: Sql;
  dynamodb: DynamoDBClient;
}

type Ask = (stores: Stores, project: string) => Promise<unknown>;

function question(
  days: number,
  make: (sql: Sql, project: string, range: { fromMs: number; toMs: number }) => Promise<unknown>,
): Ask {
  return ({ sql }, project) => make(sql, project, { fromMs: toMs - days * DAY_MS, toMs });
}

const trend = (days: number, asked: Record<string, unknown>) =>
  question(days, (sql, project, range) => queryTrend(sql, project, range, TrendParameters.parse(asked), toMs));
const top = (days: number, by: string) =>
  question(days, (sql, project, range) => queryTop(sql, project, range, TopParameters.parse({ by })));

const QUESTIONS: Record<string, Ask> = {
  [`realtime, ${REALTIME_MINUTES} minutes`]: ({ dynamodb }, project) =>
    readRealtime(dynamodb, project, REALTIME_MINUTES, hotLoadedMs),
  "trend, events per day, 60 days": trend(60, { interval: "day" }),
  "trend, events per hour by event, 60 days": trend(60, { interval: "hour", breakdown: "event" }),
  "trend, events per hour, 1 day": trend(1, { interval: "hour" }),
  "trend, users per day, 7 days": trend(7, { interval: "day", measure: "users" }),
  "top pages, 1 day": top(1, "page"),
  "top pages, 30 days": top(30, "page"),
  "funnel of 3 steps, 7 days": question(7, (sql, project, range) =>
    queryFunnel(
      sql,
      project,
      range,
      FunnelQuestion.parse({
        steps: [{ event: "Product Viewed" }, { event: "Product Added" }, { event: "Order Completed" }],
        within: "1d",
      }),
    ),
  ),
};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

function seconds(startedMs: number): string {
  return `${((performance.now() - startedMs) / 1_000).toFixed(1)} s`;
}

interface Measured {
  coldMs: number;
  p50Ms: number;
  p95Ms: number;
  /** CPU time of the database and the emulators together, for one answer. */
  cpuMs: number;
}

async function open(connections: number): Promise<Stores> {
  const sql = connect(parts.config.databaseUrl ?? "", connections);
  await holdJobs(sql);
  return { sql, dynamodb: dynamodbClient(parts.config) };
}

async function close({ sql, dynamodb }: Stores): Promise<void> {
  await sql.end();
  dynamodb.destroy();
}

/** On stores that were just restarted. */
async function measure(ask: Ask, project: string): Promise<Measured> {
  await parts.stop();
  parts = await startParts(folder, PARTS);
  const stores = await open(1);
  await stores.sql`select set_config('statement_timeout', ${String(QUERY_TIMEOUT_MS)}, false)`;
  const coldMs = await timed(() => ask(stores, project));
  const runs = Math.max(3, Math.min(WARM_RUNS, Math.ceil(10_000 / coldMs)));
  const times: number[] = [];
  const spent = () => parts.pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const cpuBefore = spent();
  for (let run = 0; run < runs; run++) times.push(await timed(() => ask(stores, project)));
  const cpuMs = ((spent() - cpuBefore) / runs) * 1_000;
  await close(stores);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.ceil(times.length * share) - 1] ?? 0;
  return { coldMs, p50Ms: at(0.5), p95Ms: at(0.95), cpuMs };
}

async function printAnswers(): Promise<void> {
  const [small, large] = PROJECTS.map(({ events }) => events.toLocaleString("en"));
  console.log(`\nload average ${loadavg()[0]?.toFixed(1)}; milliseconds\n`);
  console.log(
    `| question | ${small}: cold | p50 | p95 | CPU | ${large}: cold | p50 | p95 | CPU | growth (p50) | growth (CPU) |`,
  );
  console.log(`|---|${"---|".repeat(10)}`);
  for (const [name, ask] of Object.entries(QUESTIONS)) {
    const measured: Measured[] = [];
    for (const { project } of PROJECTS) measured.push(await measure(ask, project));
    const figures = measured.flatMap(({ coldMs, p50Ms, p95Ms, cpuMs }) => [coldMs, p50Ms, p95Ms, cpuMs]);
    const [first, last] = [measured[0], measured.at(-1)];
    const growth = (of: (measured: Measured) => number) =>
      first === undefined || last === undefined ? "" : `${(of(last) / Math.max(1, of(first))).toFixed(1)} ×`;
    console.log(
      `| ${name} | ${figures.map((ms) => (ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString("en"))).join(" | ")} | ${growth(({ p50Ms }) => p50Ms)} | ${growth(({ cpuMs }) => cpuMs)} |`,
    );
  }
}

const folder = mkdtempSync(join(tmpdir(), "volume-"));
let parts = await startParts(folder, PARTS);
const hotLoadedMs = Date.now();
try {
  await Promise.all([provisionAws(parts.config), migrateDatabase(parts.config.databaseUrl ?? "")]);
  const stores = await open(LANES);
  const { sql } = stores;
  const { uncompressedBytes } = await loadWarm(sql, PROJECTS, toMs);
  await loadHot(stores.dynamodb, PROJECTS);
  await sql`select set_config('statement_timeout', '0', false)`;
  await runJobs(sql, "policy_compression");
  const compressedBytes = await bytesPerEvent(sql, fromMs, toMs - (UNCOMPRESSED_DAYS + 1) * DAY_MS);
  console.log(
    `an event takes ${uncompressedBytes.toFixed(0)} bytes before compression, ${compressedBytes.toFixed(0)} after, indexes included`,
  );
  await runJobs(sql, "policy_refresh_continuous_aggregate");
  await sql`analyze`;
  await close(stores);
  await printAnswers();
} finally {
  await parts.stop();
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
