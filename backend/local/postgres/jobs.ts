// What a real server's background workers do, on a timer: TimescaleDB's policies (refresh of continuous aggregates,
// compression, retention) and checkpoints. The engine is a single process without workers, so its write-ahead log would grow
// and statistics would stay empty.

import { query } from "./messages.ts";
import type { Participant, Session } from "./session.ts";
import { SessionSettings } from "./settings.ts";

const TICK_MS = 5_000;
const CHECKPOINT_INTERVAL_MS = 120_000;
const ANALYZE_INTERVAL_MS = 30 * 60_000;
/** A policy that is new to this process first runs this long after it was seen, then at its own interval. */
const FIRST_RUN_MS = 20_000;
/** So that three policies that fall due together do not block everyone in one go. */
const JOBS_PER_TICK = 1;

const JOBS = `SELECT job_id::text || ' ' || round(extract(epoch FROM schedule_interval))::text
  FROM timescaledb_information.jobs WHERE scheduled ORDER BY job_id`;

interface Due {
  intervalMs: number;
  nextRunMs: number;
}

export class BackgroundJobs implements Participant {
  readonly settings = new SessionSettings();
  readonly #session: Session;
  readonly #report: (problem: string) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #jobs = new Map<string, Due>();
  #nextCheckpointMs = Date.now() + CHECKPOINT_INTERVAL_MS;
  #nextAnalyzeMs = Date.now() + ANALYZE_INTERVAL_MS;

  constructor(session: Session, report: (problem: string) => void) {
    this.#session = session;
    this.#report = report;
    this.#timer = setInterval(() => session.requestTurn(this), TICK_MS);
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
    if (nowMs >= this.#nextAnalyzeMs) {
      this.#nextAnalyzeMs = nowMs + ANALYZE_INTERVAL_MS;
      await this.#session.executeText("ANALYZE");
      return;
    }
    await this.#readJobs(nowMs);
    const due = [...this.#jobs]
      .filter(([, job]) => job.nextRunMs <= nowMs)
      .sort(([, a], [, b]) => a.nextRunMs - b.nextRunMs);
    for (const [id, job] of due.slice(0, JOBS_PER_TICK)) {
      job.nextRunMs = nowMs + job.intervalMs;
      // It commits on its own in between, so it must stand outside every transaction.
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
