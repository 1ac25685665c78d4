// Sends a shard's rows to the stream until no row is left, whatever fails. One flush runs at a time. It backs off while the
// stream stores nothing, and uses the other region's stream meanwhile. A stream that stores some of the records works: refused
// records are sent again, after the others. E4, E13. flush-policy.ts and pace.ts decide what to send and when.

import { LIMITS } from "@behaviour/contract";
import { sleep } from "../clock.ts";
import { log } from "../log.ts";
import type { Sink } from "../sink/sink.ts";
import { Failover, type RegionIndex } from "./failover.ts";
import { backoffMs, PARTIAL_PAUSE_MS, sortOutcomes, toRecord } from "./flush-policy.ts";
import { Budget } from "./memory.ts";
import type { Row, Rows } from "./rows.ts";

/** Bytes in calls to the streams, for all shards of the isolate. During a call each byte is in memory about five times. */
const inCalls = new Budget(() => LIMITS.isolateFlushBytes);
/** A flush may send this many bytes even when nothing of the budget is left. */
const LEAST_CALL_BYTES = 1024 * 1024;

/** How many of a call's records the stream stored. */
type Taken = "nothing to send" | "all" | "some" | "none";

export interface FlusherShard {
  name: string;
  rows: Rows;
  /** The primary region's sink, then the secondary's if there is one. Throws if credentials are missing. */
  sinks(): readonly Sink[];
  /** Stores durably that these rows are on the stream, or throws. */
  markSent(rows: readonly Row[]): void;
  /** How long rows should gather now. */
  delayMs(): number;
}

export class Flusher {
  readonly #shard: FlusherShard;
  readonly #rows: Rows;
  readonly #holding = inCalls.open(this);
  #sinks: readonly Sink[] = [];
  #failover = new Failover(1);
  /** Rows of this life whose last attempt may have arrived, including the rows of the call in progress. */
  readonly #uncertain = new Set<number>();
  /** Rows that the stream did not confirm while it stored others. */
  readonly #refused = new Set<number>();
  /** The row that is sent to a failed region as a trial, beside the flush. */
  #onTrial: number | null = null;
  #flushing: Promise<void> | null = null;
  #timer: { handle: ReturnType<typeof setTimeout>; delayMs: number } | null = null;
  #failures = 0;

  constructor(shard: FlusherShard) {
    this.#shard = shard;
    this.#rows = shard.rows;
  }

  /** How long the next attempt should wait; 0 when the last attempt did not fail. */
  get backoffMs(): number {
    return this.#failures > 0 ? backoffMs(this.#failures) : 0;
  }

  /** Schedules a flush. An earlier time replaces the scheduled time. */
  schedule(): void {
    if (this.#flushing !== null) return;
    const delayMs = Math.max(this.#shard.delayMs(), this.backoffMs);
    if (this.#timer !== null && this.#timer.delayMs <= delayMs) return;
    // While the stream stores nothing, new rows do not shorten the pause.
    if (this.#timer !== null && this.#failures > 0) return;
    this.#setTimer(delayMs);
  }

  #setTimer(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer.handle);
    const handle = setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, delayMs);
    this.#timer = { handle, delayMs };
  }

  /** Runs one flush at a time. A caller in the meantime waits for the flush in progress. Never throws. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flushAll()
      .catch((fault: unknown) => {
        this.#failures++;
        log("error", "flush failed", { fault });
      })
      .then(() => {
        this.#flushing = null;
        if (this.#rows.count > 0) this.schedule();
      });
    return this.#flushing;
  }

  /** Rows that arrive during a flush wait for the next flush. Sent immediately, each commit would cost a call of its own. */
  async #flushAll(): Promise<void> {
    if (this.#sinks.length === 0) {
      // Here and not earlier: if credentials are missing, events wait in the shard until an operator sets them.
      this.#sinks = this.#shard.sinks();
      this.#failover = new Failover(this.#sinks.length === 2 ? 2 : 1);
    }
    for (let upToSeq = this.#rows.lastSeq; ; ) {
      const { region, trial } = this.#failover.choose(Date.now());
      if (trial !== null && this.#onTrial === null) this.#startTrial(trial);
      const taken = await this.#send(region, upToSeq);
      if (taken === "nothing to send") return;
      if (taken === "none") {
        this.#refused.clear();
        if (this.#failover.failed(region, Date.now())) continue;
        this.#failures++;
        return;
      }
      this.#failover.succeeded(region);
      this.#failures = 0;
      if (taken === "all") continue;
      await sleep(PARTIAL_PAUSE_MS * (0.5 + Math.random()));
      // The call with the refused rows also carries the rows that arrived in the meantime.
      upToSeq = this.#rows.lastSeq;
    }
  }

  async #send(region: RegionIndex, upToSeq: number): Promise<Taken> {
    const sink = this.#sinks[region] as Sink;
    const bytes = Math.min(sink.maxBytes, Math.max(LEAST_CALL_BYTES, inCalls.leftBytes));
    const rows = this.#rows.next({ rows: sink.maxRecords, bytes, upToSeq }, this.#refused, this.#onTrial);
    return rows.length === 0 ? "nothing to send" : this.#put(region, rows);
  }

  /** Sends one row to a region that failed. The flush beside it continues, whatever the result. */
  #startTrial(region: RegionIndex): void {
    const [row] = this.#rows.next({ rows: 1, bytes: 0, upToSeq: this.#rows.lastSeq }, this.#refused, null);
    if (row === undefined) return;
    this.#onTrial = row.seq;
    void this.#put(region, [row])
      .then((taken) => {
        if (taken === "all") this.#failover.succeeded(region);
        else this.#failover.failed(region, Date.now());
      })
      .catch((fault: unknown) => log("error", "trial failed", { fault }))
      .then(() => {
        this.#onTrial = null;
        if (this.#rows.count > 0) this.schedule();
      });
  }

  async #put(region: RegionIndex, rows: readonly Row[]): Promise<Taken> {
    const records = rows.map((row) => toRecord(this.#shard.name, row, this.#mayHaveArrived(row)));
    // The rows stay uncertain until the stream says that it refused them, or the disk records that they are sent. If anything
    // throws in between, the next attempt carries a mark.
    const fresh = new Set(rows.filter(({ seq }) => !this.#uncertain.has(seq)));
    for (const { seq } of fresh) this.#uncertain.add(seq);
    const bytes = records.reduce((sum, { data }) => sum + data.byteLength, 0);
    this.#holding.take(bytes);
    const { outcomes, fault } = await (this.#sinks[region] as Sink)
      .put(records)
      .finally(() => this.#holding.give(bytes));
    const { stored, refused, unknown } = sortOutcomes(rows, outcomes);
    for (const row of refused) {
      if (fresh.has(row)) this.#uncertain.delete(row.seq);
      this.#refused.add(row.seq);
    }
    if (fault !== null) log("warn", `stream ${region} did not take every record`, { fault });
    this.#shard.markSent(stored);
    for (const { seq } of stored) {
      this.#uncertain.delete(seq);
      this.#refused.delete(seq);
    }
    for (const { seq } of unknown) this.#refused.add(seq);
    if (stored.length === rows.length) return "all";
    return stored.length > 0 ? "some" : "none";
  }

  #mayHaveArrived(row: Row): boolean {
    return row.seq <= this.#rows.inheritedSeq || this.#uncertain.has(row.seq);
  }
}
