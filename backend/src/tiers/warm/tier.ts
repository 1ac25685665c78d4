// The warm tier stores events in TimescaleDB, for analytics.
//
// Exactly once: rows and the checkpoint of their raw shard are written in one transaction. The checkpoint's row is locked
// first, so a second consumer of the same shard waits and then finds the events repeated. Rows that the database refuses are
// found by bisection and stored as failed events. The other rows are stored.

import type { EnrichedEvent, FailedEvent } from "@behaviour/contract";
import type { TransactionSql } from "postgres";
import type { Sql } from "../../database/client.ts";
import { after, inOrder } from "../order.ts";
import { addResult, emptyResult, type LoadResult, type Tier } from "../tier.ts";
import { lockCheckpoint, moveCheckpoint } from "./checkpoint.ts";
import { withoutCopies } from "./copies.ts";
import { addCounts, addFailed, countMinutes, type InsertedCount } from "./counts.ts";
import { isPoison, unstorable } from "./failure.ts";
import { redrivable } from "./redrive.ts";
import { type EventInsert, eventInsert } from "./rows.ts";

/** Larger chunks do not load faster, and they hold locks and memory longer. */
const CHUNK_ROWS = 5_000;
const DAY_MS = 86_400_000;
/** The maximum distance of a message's corrected time before and after its receipt. An import's time may be any earlier time. */
const TIME_BEFORE_RECEIPT_MS = 31 * DAY_MS;
const TIME_AFTER_RECEIPT_MS = 2 * DAY_MS;

export interface WarmTierOptions {
  sql: Sql;
  /** Must resolve only when the events are stored, and accept the same events again. */
  storeFailed: (failed: readonly FailedEvent[]) => Promise<void>;
  nowMs?: () => number;
}

/** Cuts a batch into transactions: runs of one raw shard, in order. Pure. */
export function planWarmLoad(batch: readonly EnrichedEvent[]): { chunks: EnrichedEvent[][]; repeated: number } {
  const { shards, repeated } = inOrder(batch);
  const chunks: EnrichedEvent[][] = [];
  for (const events of shards.values()) {
    for (let start = 0; start < events.length; start += CHUNK_ROWS)
      chunks.push(events.slice(start, start + CHUNK_ROWS));
  }
  return { chunks, repeated };
}

export class WarmTier implements Tier {
  readonly name = "warm";
  readonly #sql: Sql;
  readonly #storeFailed: WarmTierOptions["storeFailed"];
  readonly #nowMs: () => number;

  constructor({ sql, storeFailed, nowMs = Date.now }: WarmTierOptions) {
    this.#sql = sql;
    this.#storeFailed = storeFailed;
    this.#nowMs = nowMs;
  }

  async load(batch: readonly EnrichedEvent[]): Promise<LoadResult> {
    const result = emptyResult();
    const { chunks, repeated } = planWarmLoad(batch);
    result.repeated = repeated;
    for (const chunk of chunks) addResult(result, await this.#loadChunk(chunk));
    return result;
  }

  /** Loads events from the failure destination. The checkpoint has passed them, whether they were stored or not. */
  async redrive(batch: readonly EnrichedEvent[]): Promise<LoadResult> {
    const { shards, repeated } = inOrder(batch);
    const result = { ...emptyResult(), repeated };
    for (const [rawShard, run] of shards) {
      const events = await redrivable(this.#sql, rawShard, run);
      result.repeated += run.length - events.length;
      addResult(result, await this.load(events));
    }
    return result;
  }

  async locate(project: string, messageId: string, receivedAtMs?: number): Promise<string | null> {
    const from = receivedAtMs === undefined ? new Date(0) : new Date(receivedAtMs - TIME_BEFORE_RECEIPT_MS);
    const to = new Date((receivedAtMs ?? this.#nowMs()) + TIME_AFTER_RECEIPT_MS);
    const [row] = await this.#sql<{ loaded_at: Date }[]>`
      select loaded_at from event
      where project = ${project} and message_id = ${messageId} and time >= ${from} and time < ${to}
      order by loaded_at limit 1`;
    return row === undefined ? null : row.loaded_at.toISOString();
  }

  /** @param chunk a run of one raw shard, in order */
  async #loadChunk(chunk: readonly EnrichedEvent[]): Promise<LoadResult> {
    try {
      return await this.#transact(chunk);
    } catch (fault) {
      if (!isPoison(fault)) throw fault;
      const [first, second] = chunk;
      if (first !== undefined && second === undefined) return this.#divert(first, fault);
    }
    const middle = Math.ceil(chunk.length / 2);
    const result = await this.#loadChunk(chunk.slice(0, middle));
    addResult(result, await this.#loadChunk(chunk.slice(middle)));
    return result;
  }

  /** Stores the failed event before the checkpoint moves. A crash in between stores it again under the same id. */
  async #divert(event: EnrichedEvent, fault: unknown): Promise<LoadResult> {
    await this.#storeFailed([unstorable(event, fault, this.#nowMs())]);
    await this.#sql.begin(async (tx) => {
      await lockCheckpoint(tx, event.rawShard);
      if (await moveCheckpoint(tx, event)) await addFailed(tx, event);
    });
    return { ...emptyResult(), failed: 1 };
  }

  /**
   * Everything possible is prepared before the transaction, because other loads wait while it is open, and on the embedded
   * database all sessions do. Independent statements are sent together for the same reason.
   */
  async #transact(chunk: readonly EnrichedEvent[]): Promise<LoadResult> {
    const result = emptyResult();
    const last = chunk.at(-1);
    if (last === undefined) return result;
    const ready = eventInsert(chunk);
    return this.#sql.begin(async (tx) => {
      const [checkpoint] = await Promise.all([
        lockCheckpoint(tx, last.rawShard),
        // Rows of a compressed chunk are unpacked to find duplicates, which the default bound would refuse. A query plan from the
        // beginning of a day (a scan for each look-up) must not be kept until the day is full.
        tx`select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true),
          set_config('plan_cache_mode', 'force_custom_plan', true)`,
      ]);
      const fresh = after(chunk, checkpoint);
      result.repeated = chunk.length - fresh.length;
      if (fresh.length === 0) return result;
      const own = await withoutCopies(tx, fresh, this.#nowMs());
      const [inserted] = await Promise.all([
        own.length === 0 ? [] : insert(tx, own.length === chunk.length ? ready : eventInsert(own)),
        moveCheckpoint(tx, last),
      ]);
      await addCounts(tx, last.rawShard, countMinutes(fresh, inserted));
      result.loaded = inserted.reduce((sum, { events }) => sum + events, 0);
      result.copies = fresh.length - result.loaded;
      return result;
    });
  }
}

function insert(tx: TransactionSql, { statement, columns }: EventInsert): Promise<InsertedCount[]> {
  return tx.unsafe<InsertedCount[]>(statement, columns, { prepare: true });
}
