// What the warm tier is like when it is full: `node tests/load/volume.ts [events]` loads so many events of one project (by
// default a million), and a tenth as many of another, over the same sixty days, through the tier's own loader; lets
// TimescaleDB compress and aggregate; then asks the dashboard's questions of both. "Cold" is the first time after the database
// was started again, with empty caches of its own (not of the operating system).

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Sql } from "../../backend/src/database/client.ts";
import { migrate } from "../../backend/src/database/migrate.ts";
import { FunnelQuestion, queryFunnel } from "../../backend/src/query/funnel.ts";
import { queryTop, TopParameters } from "../../backend/src/query/top.ts";
import { queryTrend, TrendParameters } from "../../backend/src/query/trend.ts";
import { WarmTier } from "../../backend/src/tiers/warm/tier.ts";
import { startParts } from "../../backend/test/tiers/parts.ts";
import { Shop } from "../../backend/test/tiers/shop.ts";
import { cpuSeconds } from "./process-cpu.ts";

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const DAY_MS = 86_400_000;
const SPAN_DAYS = 60;
const BATCH = 5_000;
const WARM_RUNS = 20;
/** The database's own limit on a statement that the loader sets does not fit a measurement. */
const QUERY_TIMEOUT_MS = 300_000;
const BAR_WIDTH = 30;

const toMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const fromMs = toMs - SPAN_DAYS * DAY_MS;
const PROJECTS = [
  { project: "p_small", events: Math.round(EVENTS / 10) },
  { project: "p_large", events: EVENTS },
];

function progress(done: number, all: number, startedMs: number): void {
  const share = done / all;
  const perSecond = Math.round(done / ((performance.now() - startedMs) / 1_000));
  const bar = "#".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, ".");
  process.stdout.write(`\r[${bar}] ${(share * 100).toFixed(0)} %  ${perSecond.toLocaleString("en")} events/s   `);
}

async function load(sql: Sql, project: string, events: number): Promise<void> {
  const perSecond = events / ((toMs - fromMs) / 1_000);
  const shop = new Shop({ project, rawShard: `load-${project}`, fromMs, perSecond, people: Math.round(events / 20) });
  let nowMs = fromMs;
  // As if it came live: what is loaded long after its time would be looked up first, one by one.
  const tier = new WarmTier({ sql, storeFailed: async () => undefined, now: () => nowMs });
  const startedMs = performance.now();
  for (let done = 0; done < events; done += BATCH) {
    const batch = shop.next(Math.min(BATCH, events - done));
    nowMs = batch[0]?.receivedAtMs ?? nowMs;
    const { loaded } = await tier.load(batch);
    if (loaded !== batch.length) throw new Error(`${batch.length - loaded} events were taken for copies`);
    progress(done + batch.length, events, startedMs);
  }
  console.log(`\n${project}: ${events.toLocaleString("en")} events in ${seconds(startedMs)}`);
}

async function runJobs(sql: Sql, procedure: string): Promise<void> {
  const startedMs = performance.now();
  const jobs = await sql<{ job_id: number }[]>`
    select job_id from timescaledb_information.jobs where proc_name = ${procedure} order by job_id`;
  for (const { job_id } of jobs) await sql`call run_job(${job_id})`;
  console.log(`${procedure}: ${seconds(startedMs)}`);
}

/** Jobs run when they are called: one in the middle of the loading would compress half-filled days. */
async function holdJobs(sql: Sql): Promise<void> {
  await sql`select alter_job(job_id, scheduled => false) from timescaledb_information.jobs where hypertable_name is not null`;
}

/** Bytes of an event, indexes included, in the days that are old enough to be compressed. */
async function bytesPerEvent(sql: Sql): Promise<string> {
  const before = new Date(toMs - 8 * DAY_MS);
  const [size] = await sql<{ bytes: number }[]>`
    select sum(total_bytes)::float8 as bytes
    from chunks_detailed_size('event') s
    join timescaledb_information.chunks c on c.chunk_schema = s.chunk_schema and c.chunk_name = s.chunk_name
    where c.range_end <= ${before}`;
  const [rows] = await sql<{ rows: number }[]>`select count(*)::float8 as rows from event where time < ${before}`;
  return ((size?.bytes ?? 0) / (rows?.rows ?? 1)).toFixed(0);
}

type Ask = (sql: Sql, project: string) => Promise<unknown>;

function question(
  days: number,
  make: (sql: Sql, project: string, range: { fromMs: number; toMs: number }) => Promise<unknown>,
): Ask {
  return (sql, project) => make(sql, project, { fromMs: toMs - days * DAY_MS, toMs });
}

const trend = (days: number, asked: Record<string, unknown>) =>
  question(days, (sql, project, range) => queryTrend(sql, project, range, TrendParameters.parse(asked), toMs));
const top = (days: number, by: string) =>
  question(days, (sql, project, range) => queryTop(sql, project, range, TopParameters.parse({ by })));

const QUESTIONS: Record<string, Ask> = {
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

const figure = (ms: number) => `${ms.toFixed(0)} ms`.padStart(10);

const folder = mkdtempSync(join(tmpdir(), "volume-"));
let parts = await startParts(folder, ["kinesis"]);
try {
  const url = parts.config.databaseUrl ?? "";
  await migrate(url);
  let sql = connect(url, 1);
  await holdJobs(sql);
  for (const { project, events } of PROJECTS) await load(sql, project, events);
  await sql`select set_config('statement_timeout', '0', false)`;
  const uncompressed = await bytesPerEvent(sql);
  await runJobs(sql, "policy_compression");
  console.log(
    `an event takes ${uncompressed} bytes before compression, ${await bytesPerEvent(sql)} after, indexes included`,
  );
  await runJobs(sql, "policy_refresh_continuous_aggregate");
  await sql`analyze`;
  console.log(
    `\n${"".padEnd(44)}${PROJECTS.map(({ project }) => `${project}: cold       p50       p95       CPU`).join("   ")}`,
  );
  for (const [name, ask] of Object.entries(QUESTIONS)) {
    let line = name.padEnd(44);
    for (const { project } of PROJECTS) {
      await sql.end();
      await parts.stop();
      parts = await startParts(folder, ["kinesis"]);
      sql = connect(parts.config.databaseUrl ?? "", 1);
      await holdJobs(sql);
      await sql`select set_config('statement_timeout', ${String(QUERY_TIMEOUT_MS)}, false)`;
      const cold = await timed(() => ask(sql, project));
      const runs = Math.max(3, Math.min(WARM_RUNS, Math.ceil(10_000 / cold)));
      const times: number[] = [];
      const database = parts.pids.at(-1) ?? 0;
      const cpuBefore = cpuSeconds(database);
      for (let run = 0; run < runs; run++) times.push(await timed(() => ask(sql, project)));
      const cpuMs = ((cpuSeconds(database) - cpuBefore) / runs) * 1_000;
      times.sort((a, b) => a - b);
      line += `${figure(cold)}${figure(times[Math.floor(times.length / 2)] ?? 0)}${figure(times[Math.ceil(times.length * 0.95) - 1] ?? 0)}${figure(cpuMs)}   `;
    }
    console.log(line);
  }
  await sql.end();
} finally {
  await parts.stop();
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
