// The work of a real server's background workers, on a timer: TimescaleDB's policies (refresh of continuous aggregates,
// compression, retention), checkpoints, and the work of autovacuum. The engine is a single process without workers, so without
// this timer its write-ahead log would grow. Without statistics a join of 2,500 ids with 20,000 events took 58 s with the wrong
// index instead of 0.1 s with the right index, and all other connections waited.

import { query } from "./messages.ts";
import type { Participant, Session } from "./session.ts";
import { SessionSettings } from "./settings.ts";

const TICK_MS = 5_000;
const CHECKPOINT_INTERVAL_MS = 120_000;
/** A policy that this process sees for the first time runs after this time, and then at its own interval. */
const FIRST_RUN_MS = 20_000;
/** Prevents that three policies that are due together block all connections three times as long. */
const JOBS_PER_TICK = 1;

const JOBS = `SELECT job_id::text || ' ' || round(extract(epoch FROM schedule_interval))::text
  FROM timescaledb_information.jobs WHERE scheduled ORDER BY job_id`;

/**
 * Tables that have grown by half since their statistics were made, and tables without statistics. Smallest first. Decided by
 * size, because the counters that autovacuum uses do not change in this engine. Small tables are vacuumed too, because the tables
 * with many updates are small.
 */
const OUTGROWN = `WITH sized AS (
    SELECT format('%I.%I', n.nspname, c.relname) AS name, c.reltuples, c.relpages,
      pg_relation_size(c.oid) / current_setting('block_size')::int AS pages
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence = 'p'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', '_timescaledb_catalog', '_timescaledb_config'))
  SELECT CASE WHEN pages < 2000 THEN 'VACUUM (ANALYZE) ' ELSE 'ANALYZE ' END || name FROM sized
  WHERE pages >= 4 AND (reltuples < 0 OR pages > 1.5 * relpages + 8) ORDER BY pages LIMIT 4`;

interface Due {
  intervalMs: number;
  nextRunMs: number;
}

export class BackgroundJobs implements Participant {
  /** Sampling a chunk of forty columns takes a third of a second instead of a whole second. All other connections wait for it. */
  readonly settings = new SessionSettings(new Map([["default_statistics_target", "30"]]));
  readonly #session: Session;
  readonly #report: (problem: string) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #jobs = new Map<string, Due>();
  #nextCheckpointMs = Date.now() + CHECKPOINT_INTERVAL_MS;

  constructor(session: Session, report: (problem: string) => void, tickMs = TICK_MS) {
    this.#session = session;
    this.#report = report;
    this.#timer = setInterval(() => session.requestTurn(this), tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#session.withdraw(this);
  }

  takeTurn(): void {
    this.#tick(Date.now())
      .catch((fault: unknown) => this.#report(fault instanceof Error ? fault.message : String(fault)))
      .finally(() => this.#session.yieldTurn(this));
  }

  evict(): void {}

  async #tick(nowMs: number): Promise<void> {
    if (nowMs >= this.#nextCheckpointMs) {
      this.#nextCheckpointMs = nowMs + CHECKPOINT_INTERVAL_MS;
      await this.#session.executeText("CHECKPOINT");
      return;
    }
    for (const statement of firstColumn(await this.#session.execute(query(OUTGROWN), true))) {
      await this.#session.executeText(statement);
    }
    await this.#readJobs(nowMs);
    const due = [...this.#jobs]
      .filter(([, job]) => job.nextRunMs <= nowMs)
      .sort(([, a], [, b]) => a.nextRunMs - b.nextRunMs);
    for (const [id, job] of due.slice(0, JOBS_PER_TICK)) {
      job.nextRunMs = nowMs + job.intervalMs;
      // The job commits in between, so it must run outside every transaction.
      await this.#session.executeText(`CALL run_job(${id})`);
    }
  }

  async #readJobs(nowMs: number): Promise<void> {
    const rows = firstColumn(await this.#session.execute(query(JOBS), true));
    const seen = new Set<string>();
    for (const row of rows) {
      const [id, seconds] = row.split(" ") as [string, string];
      seen.add(id);
      if (!this.#jobs.has(id)) {
        this.#jobs.set(id, { intervalMs: Math.max(TICK_MS, Number(seconds) * 1_000), nextRunMs: nowMs + FIRST_RUN_MS });
      }
    }
    for (const id of this.#jobs.keys()) if (!seen.has(id)) this.#jobs.delete(id);
  }
}

/** The first column of every row in an answer, as text. */
function firstColumn(answer: Uint8Array): string[] {
  const view = Buffer.from(answer.buffer, answer.byteOffset, answer.length);
  const values: string[] = [];
  for (let at = 0; at + 5 <= view.length; ) {
    const end = at + 1 + view.readInt32BE(at + 1);
    if (view[at] === 0x44) {
      const length = view.readInt32BE(at + 7);
      if (length >= 0) values.push(view.toString("utf8", at + 11, at + 11 + length));
    }
    at = end;
  }
  return values;
}
