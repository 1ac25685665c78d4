// Keeps message ids on the shard's disk for longer than their rows, in sorted runs that are cut into pages. A look-up of an id
// reads one row per run. Reads cost a thousandth of writes. E5.
//
// A look-up asks every run, so there must be few runs. When there are more than `RUNS_MAX`, the smallest neighbouring runs are
// merged into one run. A merge copies one slice of the hash range after the other. Each slice has its own turn and is durable, so
// no request waits for millions of ids. Look-ups ignore the new run until its last slice is copied.

import { ID_HASH_BYTES, LIMITS } from "@behaviour/contract";
import { bigEndian, compareIds, idAt, sortedHas, sortedIds, sortedIndices } from "./id-bytes.ts";

/** 8 KiB per row: cheap to read, and one row is written for 1,024 ids. */
const PAGE_IDS = 1_024;
export const RUNS_MAX = 8;
const MERGE_FAN_IN = 4;
/** Ids that one turn may merge. This takes some milliseconds. */
const SLICE_IDS = 16_384;
/** Runs expire this much late. A duplicate at the very end of the window is then still known if a clock is a little fast. */
export const FORGET_LATE_MS = 60 * 60 * 1_000;

export interface FoundId {
  committedAtMs: number;
  flushedAtMs: number;
}

export interface RunPart {
  ids: Uint8Array;
  committedAtMs: number;
}

/** State of a run that a merge is writing: its inputs, and the next slice. */
interface Merging {
  inputs: number[];
  slice: number;
  slices: number;
}

interface Run {
  run: number;
  ids: number;
  oldestMs: number;
  newestMs: number;
  merging: Merging | null;
}

/** All calls are synchronous and happen within the caller's turn. */
export class Segments {
  readonly #sql: SqlStorage;
  /** Oldest first. */
  #runs: Run[];

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#runs = this.#readRuns();
  }

  #readRuns(): Run[] {
    return this.#sql
      .exec<{ run: number; oldest_at_ms: number; newest_at_ms: number; ids: number; merging: string | null }>(
        "SELECT run, oldest_at_ms, newest_at_ms, ids, merging FROM id_runs ORDER BY newest_at_ms, run",
      )
      .toArray()
      .map(({ run, oldest_at_ms, newest_at_ms, ids, merging }) => ({
        run,
        ids,
        oldestMs: oldest_at_ms,
        newestMs: newest_at_ms,
        merging: merging === null ? null : (JSON.parse(merging) as Merging),
      }));
  }

  get #complete(): Run[] {
    return this.#runs.filter(({ merging }) => merging === null);
  }

  /** Epoch milliseconds. Ids that were committed later are in no run. Null when there are no runs. */
  get looseSinceMs(): number | null {
    return this.#runs.length === 0 ? null : Math.max(...this.#runs.map(({ newestMs }) => newestMs));
  }

  /** Writes everything, or throws and writes nothing: it is part of the caller's transaction. Call `reload` if that failed. */
  writeRun(parts: readonly RunPart[]): void {
    const sorted = sortedIds(parts.map(({ ids }) => ids));
    if (sorted.length === 0) return;
    let oldestMs = Number.POSITIVE_INFINITY;
    let newestMs = Number.NEGATIVE_INFINITY;
    for (const { committedAtMs } of parts) {
      oldestMs = Math.min(oldestMs, committedAtMs);
      newestMs = Math.max(newestMs, committedAtMs);
    }
    const run = this.#insertRun({ ids: sorted.length, oldestMs, newestMs, merging: null });
    this.#writePages(run, sorted);
  }

  #insertRun({ ids, oldestMs, newestMs, merging }: Omit<Run, "run">): number {
    const { run } = this.#sql
      .exec<{ run: number }>(
        "INSERT INTO id_runs (oldest_at_ms, newest_at_ms, ids, merging) VALUES (?, ?, ?, ?) RETURNING run",
        oldestMs,
        newestMs,
        ids,
        merging === null ? null : JSON.stringify(merging),
      )
      .one();
    this.#runs.push({ run, ids, oldestMs, newestMs, merging });
    this.#runs.sort((a, b) => a.newestMs - b.newestMs || a.run - b.run);
    return run;
  }

  #writePages(run: number, sorted: BigUint64Array): void {
    for (let start = 0; start < sorted.length; start += PAGE_IDS) {
      const page = bigEndian(sorted.subarray(start, start + PAGE_IDS));
      // Two pages begin with the same id only if the run has the id more often than a page holds ids. Ids are distinct.
      this.#sql.exec(
        "INSERT OR REPLACE INTO id_pages (run, first, ids) VALUES (?, ?, ?)",
        run,
        page.slice(0, ID_HASH_BYTES),
        page,
      );
    }
  }

  /** After a failed transaction, memory may list runs that are not on disk. */
  reload(): void {
    this.#runs = this.#readRuns();
  }

  get hasMergeToDo(): boolean {
    return this.#complete.length > RUNS_MAX || this.#runs.some(({ merging }) => merging !== null);
  }

  /** Starts a merge when there are too many runs, or continues the merge in progress. Must be called in a transaction. */
  mergeSlice(): void {
    const building = this.#runs.find(({ merging }) => merging !== null);
    if (building !== undefined) this.#copySlice(building, building.merging as Merging);
    else if (this.#complete.length > RUNS_MAX) this.#beginMerge();
  }

  #beginMerge(): void {
    const inputs = smallestNeighbours(this.#complete);
    const ids = inputs.reduce((sum, run) => sum + run.ids, 0);
    const merging = { inputs: inputs.map(({ run }) => run), slice: 0, slices: Math.max(1, Math.ceil(ids / SLICE_IDS)) };
    const oldestMs = Math.min(...inputs.map((run) => run.oldestMs));
    const newestMs = Math.max(...inputs.map((run) => run.newestMs));
    this.#insertRun({ ids: 0, oldestMs, newestMs, merging });
  }

  #copySlice(building: Run, { inputs, slice, slices }: Merging): void {
    const from = sliceStart(slice, slices) as Uint8Array;
    const to = sliceStart(slice + 1, slices);
    const sorted = sortedIds(inputs.map((run) => this.#idsBetween(run, from, to)));
    this.#writePages(building.run, sorted);
    building.ids += sorted.length;
    const isLast = slice + 1 === slices;
    building.merging = isLast ? null : { inputs, slice: slice + 1, slices };
    this.#sql.exec(
      "UPDATE id_runs SET merging = ?, ids = ? WHERE run = ?",
      isLast ? null : JSON.stringify(building.merging),
      building.ids,
      building.run,
    );
    if (isLast) this.#deleteRuns(inputs);
  }

  /** If `to` is null, the range has no upper bound. */
  #idsBetween(run: number, from: Uint8Array, to: Uint8Array | null): Uint8Array {
    const pages = this.#sql
      .exec<{ ids: ArrayBuffer }>(
        `SELECT ids FROM id_pages WHERE run = ?1 AND (?3 IS NULL OR first < ?3)
           AND first >= coalesce((SELECT first FROM id_pages WHERE run = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1), x'')`,
        run,
        from,
        to,
      )
      .toArray();
    const kept: Uint8Array[] = [];
    for (const page of pages) {
      const ids = new Uint8Array(page.ids);
      const count = ids.byteLength / ID_HASH_BYTES;
      let start = 0;
      while (start < count && compareIds(idAt(ids, start), from) < 0) start++;
      let end = count;
      while (to !== null && end > start && compareIds(idAt(ids, end - 1), to) >= 0) end--;
      kept.push(ids.subarray(start * ID_HASH_BYTES, end * ID_HASH_BYTES));
    }
    const total = new Uint8Array(kept.reduce((sum, ids) => sum + ids.byteLength, 0));
    let at = 0;
    for (const ids of kept) {
      total.set(ids, at);
      at += ids.byteLength;
    }
    return total;
  }

  #deleteRuns(runs: readonly number[]): void {
    for (const run of runs) {
      this.#sql.exec("DELETE FROM id_pages WHERE run = ?", run);
      this.#sql.exec("DELETE FROM id_runs WHERE run = ?", run);
    }
    this.#runs = this.#runs.filter(({ run }) => !runs.includes(run));
  }

  /**
   * Deletes runs that are completely beyond the dedupe window, late rather than early. Runs of a merge in progress stay until it
   * is done.
   */
  forgetExpired(nowMs: number): void {
    const inUse = new Set(this.#runs.flatMap(({ run, merging }) => (merging === null ? [] : [run, ...merging.inputs])));
    const expired = this.#runs.filter(
      ({ run, newestMs }) => newestMs < nowMs - LIMITS.dedupeWindowMs - FORGET_LATE_MS && !inUse.has(run),
    );
    this.#deleteRuns(expired.map(({ run }) => run));
  }

  /**
   * Indices of the ids that are in a run with ids committed at or after `sinceMs`. The ids are looked up in sorted order, so that
   * a page is read once for all of its ids.
   */
  knownInRuns(ids: Uint8Array, sinceMs: number): number[] {
    const runs = this.#complete.filter(({ newestMs }) => newestMs >= sinceMs);
    if (runs.length === 0) return [];
    let left = sortedIndices(ids);
    const found: number[] = [];
    for (const { run } of runs) {
      const known = new Set(this.#indicesIn(run, ids, left));
      if (known.size === 0) continue;
      found.push(...known);
      left = left.filter((index) => !known.has(index));
    }
    return found.sort((a, b) => a - b);
  }

  #indicesIn(run: number, ids: Uint8Array, sorted: readonly number[]): number[] {
    const indices: number[] = [];
    let page: Uint8Array | null = null;
    for (const index of sorted) {
      const id = idAt(ids, index);
      if (page === null || compareIds(idAt(page, page.byteLength / ID_HASH_BYTES - 1), id) < 0) {
        page = this.#pageFor(run, id);
      }
      if (page !== null && sortedHas(page, id)) indices.push(index);
    }
    return indices;
  }

  /** The page that contains the id, if any page does. Null if the id is before the first page. */
  #pageFor(run: number, id: Uint8Array): Uint8Array | null {
    const page = this.#sql
      .exec<{ ids: ArrayBuffer }>(
        "SELECT ids FROM id_pages WHERE run = ? AND first <= ? ORDER BY first DESC LIMIT 1",
        run,
        id,
      )
      .toArray()[0];
    return page === undefined ? null : new Uint8Array(page.ids);
  }

  /** Finds one id, for a person who asks about a message. The times are those of the run: its oldest and its newest. */
  find(id: Uint8Array): FoundId | null {
    const holder = this.#complete.findLast(({ run }) => this.#indicesIn(run, id, [0]).length > 0);
    return holder === undefined ? null : { committedAtMs: holder.oldestMs, flushedAtMs: holder.newestMs };
  }
}

/** Picks runs that are neighbours in time, so that the merged run expires soon after its oldest id may expire. */
function smallestNeighbours(runs: readonly Run[]): Run[] {
  let best: Run[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (let start = 0; start + MERGE_FAN_IN <= runs.length; start++) {
    const group = runs.slice(start, start + MERGE_FAN_IN);
    const ids = group.reduce((sum, run) => sum + run.ids, 0);
    if (ids >= least) continue;
    least = ids;
    best = group;
  }
  return best;
}

/** The first hash of a slice, if the range of hashes is cut into `slices`. Null for the end of the last slice. */
function sliceStart(slice: number, slices: number): Uint8Array | null {
  if (slice === slices) return null;
  const bytes = new Uint8Array(ID_HASH_BYTES);
  const start = (BigInt(slice) << 64n) / BigInt(slices);
  new DataView(bytes.buffer).setBigUint64(0, start);
  return bytes;
}
