// Sends a shard's rows to the stream until none is left, whatever fails: one flush at a time, backoff between failed ones, and
// the other region's stream while the first takes nothing. DESIGN E4, E13. What to send and when is flush.ts's.

import type { Env } from "../env.ts";
import { kinesisSinks } from "../sink/kinesis.ts";
import type { Sink } from "../sink/sink.ts";
import { Failover } from "./failover.ts";
import { backoffMs, FLUSH_DELAY_MS, sortOutcomes, toRecord } from "./flush.ts";
import { log } from "./log.ts";
import type { Row, Rows } from "./rows.ts";

export class Flusher {
  readonly #env: Env;
  readonly #rows: Rows;
  readonly #shardName: string;
  readonly #forget: (rows: readonly Row[]) => void;
  #sinks: readonly Sink[] = [];
  #failover = new Failover(1);
  /** Rows of this life whose last try may have arrived. */
  readonly #uncertain = new Set<number>();
  #flushing: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;

  /** @param forget takes rows that are on the stream away, in one turn. */
  constructor(env: Env, rows: Rows, shardName: string, forget: (rows: readonly Row[]) => void) {
    this.#env = env;
    this.#rows = rows;
    this.#shardName = shardName;
    this.#forget = forget;
  }

  /** How long the next try should wait; 0 when the last one did not fail. */
  get backoffMs(): number {
    return this.#failures > 0 ? backoffMs(this.#failures) : 0;
  }

  schedule(delayMs: number = FLUSH_DELAY_MS): void {
    if (this.#timer !== null || this.#flushing !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.flush();
    }, delayMs);
  }

  /** One at a time; whoever comes meanwhile waits for the one under way. Never throws. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flushAll()
      .catch((fault: unknown) => {
        this.#failures++;
        log("error", "flush failed", fault);
      })
      .then(() => {
        this.#flushing = null;
        if (this.#rows.count > 0) this.schedule(Math.max(FLUSH_DELAY_MS, this.backoffMs));
      });
    return this.#flushing;
  }

  /** What comes while it runs gathers for the next flush: sent at once, each commit would cost a call of its own. */
  async #flushAll(): Promise<void> {
    if (this.#sinks.length === 0) {
      // Here and not earlier: where credentials are missing events wait in the shard until somebody sets them.
      this.#sinks = kinesisSinks(this.#env);
      this.#failover = new Failover(this.#sinks.length === 2 ? 2 : 1);
    }
    for (let waiting = this.#rows.count; waiting > 0; ) {
      const region = this.#failover.choose(Date.now());
      const sink = this.#sinks[region] as Sink;
      const rows = this.#rows.oldest(Math.min(waiting, sink.maxRecords), sink.maxBytes);
      const records = rows.map((row) => toRecord(this.#shardName, row, this.#mayHaveArrived(row)));
      const { outcomes, fault } = await sink.put(records);
      const { stored, unknown } = sortOutcomes(rows, outcomes);
      for (const row of unknown) this.#uncertain.add(row.seq);
      this.#forget(stored);
      for (const row of stored) this.#uncertain.delete(row.seq);
      waiting -= stored.length;
      if (fault === null) {
        this.#failover.succeeded(region);
        this.#failures = 0;
        continue;
      }
      log("warn", `stream ${region} did not take every record`, fault);
      // A stream that took some of them works; one that took none may be down.
      const another = stored.length === 0 && this.#failover.failed(region, Date.now());
      if (another) continue;
      this.#failures++;
      return;
    }
  }

  #mayHaveArrived(row: Row): boolean {
    return row.seq <= this.#rows.inheritedSeq || this.#uncertain.has(row.seq);
  }
}
