// Message ids on the shard's disk after their rows have been flushed: first a row a flush (`flushed_ids`), then, merged,
// sorted runs cut into pages, of which one look-up reads one row each. Reads cost a thousandth of writes. DESIGN E5.
// Ids of rows that wait longer than memory can hold them go into the runs too, beside their rows.

import { ID_HASH_BYTES, LIMITS } from "@behaviour/contract";

/** 4 KiB a row: cheap to read, and one row written for 512 ids. */
const PAGE_IDS = 512;

export const SEGMENTS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS flushed_ids (
    id INTEGER PRIMARY KEY,
    committed_at_ms INTEGER NOT NULL,
    flushed_at_ms INTEGER NOT NULL,
    ids BLOB NOT NULL
  );
  CREATE TABLE IF NOT EXISTS id_runs (
    run INTEGER PRIMARY KEY,
    oldest_at_ms INTEGER NOT NULL,
    newest_at_ms INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS id_pages (
    run INTEGER NOT NULL,
    first BLOB NOT NULL,
    ids BLOB NOT NULL,
    PRIMARY KEY (run, first)
  ) WITHOUT ROWID;
`;

export interface FoundId {
  committedAtMs: number;
  flushedAtMs: number;
}

/** Ids that lie beside rows which wait to be flushed, and in no run. */
export interface WaitingIds {
  idCount: number;
  read(): Iterable<{ ids: ArrayBuffer; committedAtMs: number }>;
}

/** All calls are synchronous and happen within the caller's turn. */
export class Segments {
  readonly #sql: SqlStorage;
  #looseIds: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#looseIds = countLooseIds(sql);
  }

  /** Epoch milliseconds since when ids lie outside the runs, and so must be in memory; null when there are no runs. */
  get looseSinceMs(): number | null {
    return this.#sql.exec<{ at: number | null }>("SELECT max(newest_at_ms) AS at FROM id_runs").one().at;
  }

  get hasLoose(): boolean {
    return this.#looseIds > 0;
  }

  /** The ids that are not in a run yet, for memory to be filled with. */
  *loose(): Generator<{ ids: Uint8Array; committedAtMs: number }> {
    const rows = this.#sql.exec<{ ids: ArrayBuffer; committed_at_ms: number }>(
      "SELECT ids, committed_at_ms FROM flushed_ids ORDER BY id",
    );
    for (const row of rows) yield { ids: new Uint8Array(row.ids), committedAtMs: row.committed_at_ms };
  }

  add(ids: Uint8Array, committedAtMs: number, flushedAtMs: number): void {
    for (let start = 0; start < ids.byteLength; start += LIMITS.rowIdsBytes) {
      this.#sql.exec(
        "INSERT INTO flushed_ids (committed_at_ms, flushed_at_ms, ids) VALUES (?, ?, ?)",
        committedAtMs,
        flushedAtMs,
        ids.subarray(start, start + LIMITS.rowIdsBytes),
      );
    }
    this.#looseIds += ids.byteLength / ID_HASH_BYTES;
  }

  /**
   * Merges what is in no run once there is enough of it: the loose ids, and those of rows that wait (`Rows.outsideRuns`).
   * @returns whether it did, and the rows' ids are in a run now.
   */
  mergeWhenLarge(waiting: WaitingIds, nowMs: number): boolean {
    if (this.#looseIds + waiting.idCount < LIMITS.dedupeRunIds) return false;
    const flushed = this.#sql
      .exec<{ committed_at_ms: number; flushed_at_ms: number; ids: ArrayBuffer }>("SELECT * FROM flushed_ids")
      .toArray()
      .map((row) => ({ committedAtMs: row.committed_at_ms, newestAtMs: row.flushed_at_ms, ids: row.ids }));
    const rows = [...waiting.read()].map((row) => ({ ...row, newestAtMs: nowMs }));
    this.#writeRun([...flushed, ...rows]);
    this.#sql.exec("DELETE FROM flushed_ids");
    this.#looseIds = 0;
    return true;
  }

  /** Forgets what is beyond the dedupe window. */
  forgetExpired(nowMs: number): void {
    const expired = this.#sql
      .exec<{ run: number }>("SELECT run FROM id_runs WHERE newest_at_ms < ?", nowMs - LIMITS.dedupeWindowMs)
      .toArray();
    for (const { run } of expired) {
      this.#sql.exec("DELETE FROM id_pages WHERE run = ?", run);
      this.#sql.exec("DELETE FROM id_runs WHERE run = ?", run);
    }
    this.#sql.exec("DELETE FROM flushed_ids WHERE flushed_at_ms < ?", nowMs - LIMITS.dedupeWindowMs - RUN_SLACK_MS);
    this.#looseIds = countLooseIds(this.#sql);
  }

  #writeRun(parts: readonly { committedAtMs: number; newestAtMs: number; ids: ArrayBuffer }[]): void {
    const sorted = sortedIds(parts.map(({ ids }) => ids));
    if (sorted.length === 0) return;
    const { run } = this.#sql
      .exec<{ run: number }>(
        "INSERT INTO id_runs (oldest_at_ms, newest_at_ms) VALUES (?, ?) RETURNING run",
        Math.min(...parts.map(({ committedAtMs }) => committedAtMs)),
        Math.max(...parts.map(({ newestAtMs }) => newestAtMs)),
      )
      .one();
    for (let start = 0; start < sorted.length; start += PAGE_IDS) {
      const page = bigEndian(sorted.subarray(start, start + PAGE_IDS));
      // Two pages may begin with the same id only if it stands in the run more than 512 times; ids are distinct.
      this.#sql.exec(
        "INSERT OR REPLACE INTO id_pages (run, first, ids) VALUES (?, ?, ?)",
        run,
        page.slice(0, ID_HASH_BYTES),
        page,
      );
    }
  }

  /** Indices of the ids that stand in a run written at or after `sinceMs`. */
  knownInRuns(ids: Uint8Array, sinceMs: number): number[] {
    const runs = this.#sql.exec<{ run: number }>("SELECT run FROM id_runs WHERE newest_at_ms >= ?", sinceMs).toArray();
    if (runs.length === 0) return [];
    const indices: number[] = [];
    for (let at = 0; at < ids.byteLength; at += ID_HASH_BYTES) {
      const id = ids.subarray(at, at + ID_HASH_BYTES);
      if (runs.some(({ run }) => this.#pageHas(run, id))) indices.push(at / ID_HASH_BYTES);
    }
    return indices;
  }

  #pageHas(run: number, id: Uint8Array): boolean {
    const page = this.#sql
      .exec<{ ids: ArrayBuffer }>(
        "SELECT ids FROM id_pages WHERE run = ? AND first <= ? ORDER BY first DESC LIMIT 1",
        run,
        id,
      )
      .toArray()[0];
    return page !== undefined && sortedHas(new Uint8Array(page.ids), id);
  }

  /** Where one flushed id stands, for a person who asks after a message. Times of merged ids are their run's. */
  find(id: Uint8Array): FoundId | null {
    const rows = this.#sql.exec<{ committed_at_ms: number; flushed_at_ms: number; ids: ArrayBuffer }>(
      "SELECT committed_at_ms, flushed_at_ms, ids FROM flushed_ids ORDER BY id DESC",
    );
    for (const row of rows) {
      if (unsortedHas(new Uint8Array(row.ids), id)) {
        return { committedAtMs: row.committed_at_ms, flushedAtMs: row.flushed_at_ms };
      }
    }
    const runs = this.#sql
      .exec<{ run: number; oldest_at_ms: number; newest_at_ms: number }>("SELECT * FROM id_runs ORDER BY run DESC")
      .toArray();
    const holder = runs.find(({ run }) => this.#pageHas(run, id));
    return holder === undefined ? null : { committedAtMs: holder.oldest_at_ms, flushedAtMs: holder.newest_at_ms };
  }
}

/** Loose rows go with the run they are merged into; only a shard that went silent keeps some past their window. */
const RUN_SLACK_MS = 60 * 60 * 1_000;

function countLooseIds(sql: SqlStorage): number {
  const { bytes } = sql.exec<{ bytes: number | null }>("SELECT sum(length(ids)) AS bytes FROM flushed_ids").one();
  return (bytes ?? 0) / ID_HASH_BYTES;
}

function sortedIds(parts: readonly ArrayBuffer[]): BigUint64Array {
  const sorted = new BigUint64Array(parts.reduce((sum, ids) => sum + ids.byteLength / ID_HASH_BYTES, 0));
  let at = 0;
  for (const ids of parts) {
    const view = new DataView(ids);
    for (let byte = 0; byte < view.byteLength; byte += ID_HASH_BYTES) sorted[at++] = view.getBigUint64(byte);
  }
  return sorted.sort();
}

function bigEndian(ids: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(ids.length * ID_HASH_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < ids.length; i++) view.setBigUint64(i * ID_HASH_BYTES, ids[i] as bigint);
  return bytes;
}

function compareAt(ids: Uint8Array, index: number, id: Uint8Array): number {
  const start = index * ID_HASH_BYTES;
  for (let i = 0; i < ID_HASH_BYTES; i++) {
    const difference = (ids[start + i] as number) - (id[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function sortedHas(ids: Uint8Array, id: Uint8Array): boolean {
  let low = 0;
  let high = ids.byteLength / ID_HASH_BYTES - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareAt(ids, middle, id);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

export function unsortedHas(ids: Uint8Array, id: Uint8Array): boolean {
  for (let index = 0; index < ids.byteLength / ID_HASH_BYTES; index++) if (compareAt(ids, index, id) === 0) return true;
  return false;
}
