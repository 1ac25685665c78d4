// Stores the shard's rows, one per commit. A row holds the exact bytes that become a Kinesis record, and beside them the ids of
// its messages. A Durable Object is charged for written rows, deleted rows included, so rows are never deleted. Rows are in logs,
// one table per log. A full log is followed by a new log. A log whose rows are all sent, and whose ids are in a run
// (segments.ts), is dropped as a whole, which writes no row. One row records which rows are sent. ADR 010.

import { ID_HASH_BYTES, LIMITS } from "@behaviour/contract";
import { Budget } from "./memory.ts";
import { type Range, Ranges } from "./ranges.ts";

export interface Row {
  seq: number;
  /** Identifies the object's life in which the row was written. */
  boot: string;
  committedAtMs: number;
  frame: Uint8Array;
}

export interface NewRow {
  boot: string;
  committedAtMs: number;
  frame: Uint8Array;
  ids: Uint8Array;
}

export interface LooseIds {
  ids: Uint8Array;
  committedAtMs: number;
}

interface Log {
  number: number;
  first: number;
  last: number;
  rows: number;
  bytes: number;
  startedAtMs: number;
}

/** Stored in one row. Rows up to `seq` are sent, except for the rows in `waiting`. Later rows wait. */
interface State {
  seq: number;
  waiting: readonly Range[];
  /** The ids of rows up to this number are in a run. */
  inRunsSeq: number;
  /** Logs that accept no more rows. With this list a start need not read each row of an outage. */
  closed: readonly Log[];
  sentAtMs: number;
  /** The caller's counts as of `seq`. A later row has later counts. */
  counts: string;
}

/** A log of this size or age accepts no more rows. Dropping a log reads its pages, so a log must not be large. */
const LOG_ROWS = 8_192;
const LOG_BYTES = 16 * 1024 * 1024;
const LOG_AGE_MS = 60 * 60 * 1_000;

/** A flush looks at this many waiting rows, from the oldest on. Refused rows and sent rows are mixed in this range. */
const WINDOW_ROWS = 2_000;

/**
 * Frames that stay in memory until they are flushed. Reading a frame back costs about as much as writing it: a row is a chain of
 * pages, and under load these pages have left the cache.
 */
const held = new Budget(() => LIMITS.isolateHeldBytes);

const tableOf = ({ number }: Pick<Log, "number">) => `rows_${number}`;

/** All calls are synchronous. Each call writes everything or nothing. The output gate is responsible for durability. */
export class Rows {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  /** Oldest first. Only the last log accepts rows. */
  #logs: Log[] = [];
  #waiting: Ranges;
  #waitingBytes = 0;
  #lastSeq: number;
  #inRunsSeq: number;
  #looseIds = 0;
  #sentAtMs: number;
  /** Log numbers are not reused: the state may still list a log that was dropped. */
  #lastNumber: number;
  readonly #holding = held.open(this);
  /** Frames written in this life, by `seq`. */
  readonly #held = new Map<number, Row>();
  /** The counts that were stored with the newest row, or after it. */
  readonly storedCounts: string;
  /** Rows up to this number existed when the object woke. It is unknown whether they reached the stream. */
  readonly inheritedSeq: number;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    const state = this.#readState();
    this.#waiting = new Ranges(state.waiting);
    this.#inRunsSeq = state.inRunsSeq;
    this.#lastSeq = state.seq;
    this.#sentAtMs = state.sentAtMs;
    this.#logs = this.#findLogs(state);
    this.#lastNumber = Math.max(0, ...[...state.closed, ...this.#logs].map(({ number }) => number));
    for (const log of this.#logs) {
      const share = log.rows === 0 ? 0 : this.#waiting.countIn(log.first, log.last) / log.rows;
      this.#waitingBytes += log.bytes * share;
    }
    for (const { ids } of this.loose()) this.#looseIds += ids.byteLength / ID_HASH_BYTES;
    this.storedCounts = this.#lastSeq > state.seq ? (this.#countsOf(this.#lastSeq) ?? state.counts) : state.counts;
    this.inheritedSeq = this.#lastSeq;
  }

  #readState(): State {
    const stored = this.#sql.exec<{ state: string }>("SELECT state FROM shard_state").toArray()[0];
    if (stored !== undefined) return JSON.parse(stored.state) as State;
    return { seq: 0, waiting: [], inRunsSeq: 0, closed: [], sentAtMs: 0, counts: "" };
  }

  /** The existing tables, oldest first. Rows that the state does not cover wait. */
  #findLogs(state: State): Log[] {
    const numbers = this.#sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'rows_[0-9]*'")
      .toArray()
      .map(({ name }) => Number(name.slice("rows_".length)))
      .sort((a, b) => a - b);
    return numbers.map((number) => {
      const closed = state.closed.find((log) => log.number === number);
      return closed ?? this.#scanLog(number, state.seq);
    });
  }

  #scanLog(number: number, stateSeq: number): Log {
    const { first, last, rows, bytes, at } = this.#sql
      .exec<Record<"first" | "last" | "rows" | "bytes" | "at", number | null>>(
        `SELECT min(seq) AS first, max(seq) AS last, count(*) AS rows, sum(length(frame)) AS bytes,
           min(committed_at_ms) AS at FROM ${tableOf({ number })}`,
      )
      .one();
    for (const { seq } of this.#sql.exec<{ seq: number }>(
      `SELECT seq FROM ${tableOf({ number })} WHERE seq > ? ORDER BY seq`,
      stateSeq,
    )) {
      this.#waiting.push(seq);
      this.#lastSeq = seq;
    }
    const next = this.#lastSeq + 1;
    return {
      number,
      first: first ?? next,
      last: last ?? next - 1,
      rows: rows ?? 0,
      bytes: bytes ?? 0,
      startedAtMs: at ?? 0,
    };
  }

  #countsOf(seq: number): string | null {
    const log = this.#logOf(seq);
    if (log === undefined) return null;
    return this.#sql.exec<{ counts: string | null }>(`SELECT counts FROM ${tableOf(log)} WHERE seq = ?`, seq).one()
      .counts;
  }

  /** Bytes of the frames that wait to be flushed. */
  get bytes(): number {
    return this.#waitingBytes;
  }

  /** Rows that wait. */
  get count(): number {
    return this.#waiting.count;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Number of ids that are beside rows and in no run. */
  get looseIdCount(): number {
    return this.#looseIds;
  }

  get isEmpty(): boolean {
    return this.#logs.length === 0;
  }

  /** Epoch milliseconds of the oldest row that is kept; null when no row is kept. */
  get keptSinceMs(): number | null {
    return this.#logs[0]?.startedAtMs ?? null;
  }

  /** A log is completely sent and is kept only for its ids, so a run is due. */
  get hasSpentLog(): boolean {
    return this.#logs.slice(0, -1).some((log) => this.#isSent(log) && log.last > this.#inRunsSeq);
  }

  /**
   * Writes all rows, or throws and writes no row.
   * @param counts the caller's counts, including these rows.
   * @param rows their bytes must not change afterwards.
   */
  insert(rows: readonly NewRow[], counts: string): void {
    if (rows.length === 0) return;
    const logs = this.#logs.map((log) => ({ ...log }));
    let seq = this.#lastSeq;
    this.#storage.transactionSync(() => {
      for (const row of rows) {
        seq++;
        const log = this.#logFor(row, logs, seq, counts);
        this.#sql.exec(
          `INSERT INTO ${tableOf(log)} (seq, boot, committed_at_ms, counts, ids, frame) VALUES (?, ?, ?, ?, ?, ?)`,
          seq,
          row.boot,
          row.committedAtMs,
          counts,
          row.ids,
          row.frame,
        );
        log.last = seq;
        log.rows++;
        log.bytes += row.frame.byteLength;
      }
    });
    this.#logs = logs;
    this.#lastNumber = (logs.at(-1) as Log).number;
    for (const { boot, committedAtMs, frame, ids } of rows) {
      this.#lastSeq++;
      this.#waiting.push(this.#lastSeq);
      this.#waitingBytes += frame.byteLength;
      this.#looseIds += ids.byteLength / ID_HASH_BYTES;
      this.#hold({ seq: this.#lastSeq, boot, committedAtMs, frame });
    }
  }

  /** The last log, or a new log after it. */
  #logFor({ committedAtMs }: NewRow, logs: Log[], seq: number, counts: string): Log {
    const last = logs.at(-1);
    const isOpen =
      last !== undefined &&
      last.rows < LOG_ROWS &&
      last.bytes < LOG_BYTES &&
      Math.abs(committedAtMs - last.startedAtMs) < LOG_AGE_MS;
    if (isOpen) return last;
    const log = {
      number: Math.max(this.#lastNumber, last?.number ?? 0) + 1,
      first: seq,
      last: seq - 1,
      rows: 0,
      bytes: 0,
      startedAtMs: committedAtMs,
    };
    this.#sql.exec(
      `CREATE TABLE ${tableOf(log)} (seq INTEGER PRIMARY KEY, boot TEXT NOT NULL, committed_at_ms INTEGER NOT NULL,
         counts TEXT, ids BLOB NOT NULL, frame BLOB NOT NULL)`,
    );
    // Rows of the same insert that are in the previous log are not sent. The state must not say that they are sent.
    if (last !== undefined && last.last === this.#lastSeq) this.#writeState({ closed: [...logs] }, counts);
    logs.push(log);
    return log;
  }

  #hold(row: Row): void {
    const bytes = row.frame.byteLength;
    if (bytes > held.leftBytes) return;
    this.#held.set(row.seq, row);
    this.#holding.take(bytes);
  }

  #letGo({ seq, frame }: Row): void {
    if (this.#held.delete(seq)) this.#holding.give(frame.byteLength);
  }

  /**
   * Waiting rows, oldest first. The rows in `last` follow the others. Returns as many rows as both bounds allow, and at least one
   * row if any row waits.
   */
  next(limits: { rows: number; bytes: number; upToSeq: number }, last: ReadonlySet<number>, not: number | null): Row[] {
    const first: number[] = [];
    const later: number[] = [];
    let seen = 0;
    for (const seq of this.#waiting) {
      if (seq > limits.upToSeq || seen++ === WINDOW_ROWS || first.length === limits.rows) break;
      if (seq !== not) (last.has(seq) ? later : first).push(seq);
    }
    const rows: Row[] = [];
    let bytes = 0;
    for (const seq of [...first, ...later].slice(0, limits.rows)) {
      const row = this.#held.get(seq) ?? this.#read(seq);
      bytes += row.frame.byteLength;
      if (rows.length > 0 && bytes > limits.bytes) break;
      rows.push(row);
    }
    return rows;
  }

  #read(seq: number): Row {
    const stored = this.#sql
      .exec<{ boot: string; committed_at_ms: number; frame: ArrayBuffer }>(
        `SELECT boot, committed_at_ms, frame FROM ${tableOf(this.#logOf(seq) as Log)} WHERE seq = ?`,
        seq,
      )
      .one();
    return { seq, boot: stored.boot, committedAtMs: stored.committed_at_ms, frame: new Uint8Array(stored.frame) };
  }

  #logOf(seq: number): Log | undefined {
    return this.#logs.findLast((log) => log.first <= seq);
  }

  /** The rows are on the stream. One row is written for all of them. */
  markSent(rows: readonly Row[], counts: string, nowMs: number): void {
    if (rows.length === 0) return;
    const waiting = this.#waiting.without(rows.map(({ seq }) => seq));
    this.#writeState({ waiting: waiting.toJSON(), sentAtMs: nowMs }, counts);
    this.#waiting = waiting;
    this.#sentAtMs = nowMs;
    for (const row of rows) {
      this.#letGo(row);
      this.#waitingBytes -= row.frame.byteLength;
    }
    if (waiting.count === 0) this.#waitingBytes = 0;
    this.#dropSpent(false);
  }

  /** Stores the caller's counts alone. */
  storeCounts(counts: string): void {
    this.#writeState({}, counts);
  }

  #writeState(changed: Partial<State>, counts: string): void {
    const state: State = {
      seq: this.#lastSeq,
      waiting: this.#waiting.toJSON(),
      inRunsSeq: this.#inRunsSeq,
      closed: this.#logs.slice(0, -1),
      sentAtMs: this.#sentAtMs,
      counts,
      ...changed,
    };
    this.#sql.exec("INSERT OR REPLACE INTO shard_state (one, state) VALUES (1, ?)", JSON.stringify(state));
  }

  /** The ids that are beside rows and in no run, oldest first. */
  *loose(): Generator<LooseIds> {
    for (const log of this.#logs) {
      if (log.last <= this.#inRunsSeq) continue;
      for (const { ids, committed_at_ms } of this.#sql.exec<{ ids: ArrayBuffer; committed_at_ms: number }>(
        `SELECT ids, committed_at_ms FROM ${tableOf(log)} WHERE seq > ? ORDER BY seq`,
        this.#inRunsSeq,
      )) {
        yield { ids: new Uint8Array(ids), committedAtMs: committed_at_ms };
      }
    }
  }

  /**
   * Writes all loose ids to a run, also the ids of waiting rows, and drops the logs that are no longer needed.
   * @param all whether to drop the last log too, if none of its rows waits.
   */
  moveIds(writeRun: (loose: LooseIds[]) => void, counts: string, all: boolean): void {
    this.#storage.transactionSync(() => {
      writeRun([...this.loose()]);
      this.#writeState({ inRunsSeq: this.#lastSeq }, counts);
    });
    this.#inRunsSeq = this.#lastSeq;
    this.#looseIds = 0;
    this.#dropSpent(all);
  }

  #dropSpent(all: boolean): void {
    const kept = this.#logs.filter((log, index) => {
      const isOpen = index === this.#logs.length - 1;
      if ((isOpen && !all) || !this.#isSent(log) || log.last > this.#inRunsSeq) return true;
      this.#sql.exec(`DROP TABLE ${tableOf(log)}`);
      return false;
    });
    this.#logs = kept;
  }

  #isSent(log: Log): boolean {
    return this.#waiting.countIn(log.first, log.last) === 0;
  }

  /** Finds one message in the rows that are kept. Its own time of flush is not stored, so the time of the last flush is used. */
  find(has: (ids: Uint8Array) => boolean): { committedAtMs: number; flushedAtMs: number | null } | null {
    for (const log of this.#logs) {
      for (const row of this.#sql.exec<{ seq: number; ids: ArrayBuffer; committed_at_ms: number }>(
        `SELECT seq, ids, committed_at_ms FROM ${tableOf(log)} ORDER BY seq`,
      )) {
        if (!has(new Uint8Array(row.ids))) continue;
        return {
          committedAtMs: row.committed_at_ms,
          flushedAtMs: this.#waiting.has(row.seq) ? null : Math.max(this.#sentAtMs, row.committed_at_ms),
        };
      }
    }
    return null;
  }
}
