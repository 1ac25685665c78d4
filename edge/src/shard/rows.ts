// The shard's rows: one a commit, each of them the very bytes that become a Kinesis record, with the ids of its messages
// beside it. Rows are what a Durable Object is charged for, so no other table is written on the hot path. DESIGN E2.

import { ID_HASH_BYTES } from "@behaviour/contract";
import type { WaitingIds } from "./segments.ts";

export const ROWS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS rows (
    seq INTEGER PRIMARY KEY,
    boot TEXT NOT NULL,
    committed_at_ms INTEGER NOT NULL,
    frame BLOB NOT NULL,
    ids BLOB NOT NULL
  );
  CREATE TABLE IF NOT EXISTS rows_in_runs (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
  );
`;

export interface Row {
  seq: number;
  /** Names the object's life in which the row was written: `seq` alone may come again after everything was flushed. */
  boot: string;
  committedAtMs: number;
  frame: Uint8Array;
  ids: Uint8Array;
}

type StoredRow = { seq: number; boot: string; committed_at_ms: number; frame: ArrayBuffer; ids: ArrayBuffer };

/**
 * Rows that are kept in memory until they are flushed. Read back they cost about as much as they did to write: a row is a chain
 * of pages, and under load those have left the cache.
 */
const HELD_BYTES = 8 * 1024 * 1024;

/** All calls are synchronous; durability is the output gate's. */
export class Rows {
  readonly #sql: SqlStorage;
  /** By `seq`, oldest first: the rows of this life, as far as `HELD_BYTES` go. */
  readonly #held = new Map<number, Row>();
  #heldBytes = 0;
  #nextSeq: number;
  #bytes: number;
  #count: number;
  /** Ids of rows up to this one are in a run (segments.ts) as well. */
  #inRunsSeq: number;
  #idsOutsideRuns: number;
  /** Rows up to this one were there when the object woke: whether they reached the stream is not known. */
  readonly inheritedSeq: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    const { last, bytes, count } = sql
      .exec<{ last: number | null; bytes: number | null; count: number }>(
        "SELECT max(seq) AS last, sum(length(frame)) AS bytes, count(*) AS count FROM rows",
      )
      .one();
    this.#inRunsSeq = sql.exec<{ seq: number }>("SELECT seq FROM rows_in_runs").toArray()[0]?.seq ?? 0;
    this.inheritedSeq = Math.max(last ?? 0, this.#inRunsSeq);
    this.#nextSeq = this.inheritedSeq + 1;
    const outside = sql
      .exec<{ bytes: number | null }>("SELECT sum(length(ids)) AS bytes FROM rows WHERE seq > ?", this.#inRunsSeq)
      .one();
    this.#idsOutsideRuns = (outside.bytes ?? 0) / ID_HASH_BYTES;
    this.#bytes = bytes ?? 0;
    this.#count = count;
  }

  /** Bytes of the frames that wait to be flushed. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /** @param row its bytes must not change afterwards. */
  insert(row: Omit<Row, "seq">): void {
    this.#sql.exec(
      "INSERT INTO rows (seq, boot, committed_at_ms, frame, ids) VALUES (?, ?, ?, ?, ?)",
      this.#nextSeq,
      row.boot,
      row.committedAtMs,
      row.frame,
      row.ids,
    );
    this.#hold({ seq: this.#nextSeq, ...row });
    this.#nextSeq++;
    this.#bytes += row.frame.byteLength;
    this.#count++;
    this.#idsOutsideRuns += row.ids.byteLength / ID_HASH_BYTES;
  }

  #hold(row: Row): void {
    const bytes = row.frame.byteLength + row.ids.byteLength;
    if (this.#heldBytes + bytes > HELD_BYTES) return;
    this.#held.set(row.seq, row);
    this.#heldBytes += bytes;
  }

  #letGo({ seq, frame, ids }: Row): void {
    if (this.#held.delete(seq)) this.#heldBytes -= frame.byteLength + ids.byteLength;
  }

  /** The ids that lie beside rows and in no run. */
  get outsideRuns(): WaitingIds {
    return { idCount: this.#idsOutsideRuns, read: () => this.#readIds(this.#inRunsSeq) };
  }

  /** The ids of all rows that are there now have come into a run: durable with whatever the same turn writes. */
  markInRuns(): void {
    this.#inRunsSeq = this.#nextSeq - 1;
    this.#idsOutsideRuns = 0;
    this.#sql.exec("INSERT OR REPLACE INTO rows_in_runs (one, seq) VALUES (1, ?)", this.#inRunsSeq);
  }

  isInRuns(row: Row): boolean {
    return row.seq <= this.#inRunsSeq;
  }

  /** The oldest rows, as many as fit into both bounds, at least one if there is any. */
  oldest(maxRows: number, maxBytes: number): Row[] {
    const rows: Row[] = [];
    let bytes = 0;
    for (const row of this.#count === this.#held.size ? this.#held.values() : this.#stored(maxRows)) {
      bytes += row.frame.byteLength;
      if (rows.length === maxRows || (rows.length > 0 && bytes > maxBytes)) break;
      rows.push(row);
    }
    return rows;
  }

  *#stored(maxRows: number): Generator<Row> {
    for (const stored of this.#sql.exec<StoredRow>("SELECT * FROM rows ORDER BY seq LIMIT ?", maxRows)) {
      yield {
        seq: stored.seq,
        boot: stored.boot,
        committedAtMs: stored.committed_at_ms,
        frame: new Uint8Array(stored.frame),
        ids: new Uint8Array(stored.ids),
      };
    }
  }

  delete(rows: readonly Row[]): void {
    for (const row of rows) {
      this.#sql.exec("DELETE FROM rows WHERE seq = ?", row.seq);
      this.#letGo(row);
      this.#bytes -= row.frame.byteLength;
      this.#count--;
      if (!this.isInRuns(row)) this.#idsOutsideRuns -= row.ids.byteLength / ID_HASH_BYTES;
    }
  }

  /** Of every row. */
  ids(): Iterable<{ ids: ArrayBuffer; committedAtMs: number }> {
    return this.#readIds(0);
  }

  *#readIds(afterSeq: number): Generator<{ ids: ArrayBuffer; committedAtMs: number }> {
    const rows = this.#sql.exec<{ ids: ArrayBuffer; committed_at_ms: number }>(
      "SELECT ids, committed_at_ms FROM rows WHERE seq > ? ORDER BY seq",
      afterSeq,
    );
    for (const row of rows) yield { ids: row.ids, committedAtMs: row.committed_at_ms };
  }
}
