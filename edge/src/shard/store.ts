// Keeps a shard's event data: rows until they are on the stream, ids for the dedupe window, and counts. Only this class knows
// which of these are written together. Each write is complete, or throws and changes nothing in memory and on disk.

import { ID_HASH_BYTES, LIMITS } from "@behaviour/contract";
import { isOver } from "../clock.ts";
import { log } from "../log.ts";
import { projectOfShard } from "../placement/shard-name.ts";
import { SHARD_BOUNDS, type ShardBounds } from "./bounds.ts";
import { Counters, type Outcome, type StoredMinute } from "./counters.ts";
import { type DropCount, Drops } from "./drops.ts";
import { type Member, packGroup } from "./group-commit.ts";
import { unsortedHas } from "./id-bytes.ts";
import { RecentIds } from "./recent-ids.ts";
import { type NewRow, type Row, Rows } from "./rows.ts";
import { Segments } from "./segments.ts";

/** The clocks of a Worker and of a shard may differ by this much. */
const CLOCKS_APART_MS = 5_000;
/** Sent frames stay on a shard's disk for at most this long after its last events. */
const TIDY_AFTER_MS = 60 * 60 * 1_000;
const EXPIRE_EVERY_MS = 60 * 1_000;
const WRITE_DROPS_EVERY_MS = 60 * 1_000;
/** Pause between slices of a merge. Requests have priority. */
const MERGE_PAUSE_MS = 20;

export interface AcceptedMember extends Member {
  receivedAtMs: number;
}

interface Counts {
  minutes: StoredMinute[];
  drops: DropCount[];
}

export class EventStore {
  readonly rows: Rows;
  readonly #storage: DurableObjectStorage;
  readonly #shardName: string;
  readonly #bounds: ShardBounds;
  readonly #boot = crypto.randomUUID().slice(0, 13);
  readonly #segments: Segments;
  readonly #recent: RecentIds;
  readonly #counters: Counters;
  readonly #drops: Drops;
  #countsAreStored = true;
  #isFull = false;
  #databaseBytes: number;
  #expiredAtMs = 0;
  #dropsWrittenAtMs = 0;
  #mergeTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(storage: DurableObjectStorage, shardName: string, bounds: ShardBounds = SHARD_BOUNDS) {
    this.#storage = storage;
    this.#shardName = shardName;
    this.#bounds = bounds;
    this.rows = new Rows(storage);
    this.#segments = new Segments(storage.sql);
    const inRunsUpToMs = this.#segments.looseSinceMs;
    this.#recent = new RecentIds(inRunsUpToMs === null ? Number.NEGATIVE_INFINITY : inRunsUpToMs + 1, bounds);
    for (const { ids, committedAtMs } of this.rows.loose()) this.#recent.add(ids, committedAtMs);
    const { storedCounts } = this.rows;
    const counts = storedCounts === "" ? { minutes: [], drops: [] } : (JSON.parse(storedCounts) as Counts);
    this.#counters = new Counters(counts.minutes);
    this.#drops = new Drops(storage.sql, counts.drops);
    this.#databaseBytes = storage.sql.databaseSize;
    this.#mergeSoon();
  }

  /** Whether the shard ever accepted events. */
  get hasHistory(): boolean {
    return !this.rows.isEmpty || this.#segments.looseSinceMs !== null;
  }

  /**
   * No more events are accepted until the shard has drained. Room is left for the writes of draining and of data other than
   * events.
   */
  get isFull(): boolean {
    const mark = this.#isFull ? this.#bounds.shardLowWaterBytes : this.#bounds.shardHighWaterBytes;
    this.#isFull =
      this.rows.bytes > mark ||
      this.#databaseBytes > this.#bounds.shardEventsDatabaseBytes ||
      // Ids that could not be moved to a run are certain to be in memory only while they are few.
      this.rows.looseIdCount > 2 * this.#bounds.dedupeRunIds + LIMITS.eventsPerRequest;
    return this.#isFull;
  }

  /**
   * Writes that can wait are skipped: runs are not merged, and counts are stored only with the row that records which rows are
   * sent.
   */
  get isBrimful(): boolean {
    return this.#databaseBytes > this.#bounds.shardDatabaseBytes;
  }

  /** Indices of ids that were accepted before. @param oldestMs none of the messages was first sent before this time. */
  known(ids: Uint8Array, oldestMs: number): number[] {
    const inMemory = this.#recent.known(ids);
    const sinceMs = oldestMs - CLOCKS_APART_MS;
    if (sinceMs >= this.#recent.reachMs) return inMemory;
    const onDisk = this.#segments.knownInRuns(ids, sinceMs);
    return onDisk.length === 0 ? inMemory : [...new Set([...inMemory, ...onDisk])].sort((a, b) => a - b);
  }

  /** Makes the ids known from now on. The caller must `write` them afterwards, and a failed `write` removes them again. */
  remember(ids: Uint8Array): void {
    this.#recent.add(ids, Date.now());
  }

  count(outcome: Outcome, events: number, receivedAtMs: number): void {
    if (events === 0) return;
    this.#counters.add(outcome, events, receivedAtMs);
    this.#countsAreStored = false;
  }

  countDrops(drops: readonly { reason: string; events: number }[]): void {
    if (drops.length === 0) return;
    this.#drops.add(drops, Date.now());
    this.#countsAreStored = false;
  }

  get hasCountsToStore(): boolean {
    return !this.#countsAreStored;
  }

  /**
   * Writes one row for all members, or a few rows, with their counts. If it throws, nothing is stored and the messages may be
   * sent again.
   */
  write(members: readonly AcceptedMember[]): void {
    for (const { ids, receivedAtMs } of members) {
      this.#counters.add("accepted", ids.byteLength / ID_HASH_BYTES, receivedAtMs);
    }
    try {
      const nowMs = Date.now();
      const packed = packGroup(members).map(({ frame, ids }) => this.#newRow(frame, ids, nowMs));
      this.#insert(packed, nowMs);
    } catch (fault) {
      for (const { ids, receivedAtMs } of members) {
        this.#counters.add("accepted", -ids.byteLength / ID_HASH_BYTES, receivedAtMs);
        this.#recent.remove(ids);
      }
      throw fault;
    }
    this.maintain();
  }

  #newRow(frame: Uint8Array, ids: Uint8Array, committedAtMs: number): NewRow {
    return { boot: this.#boot, committedAtMs, frame, ids };
  }

  /** Adds a row with the counts of finished minutes. The counts of other minutes are stored beside the rows. */
  #insert(rows: readonly NewRow[], nowMs: number): void {
    const finished = this.#counters.finished(nowMs);
    const all = [...rows];
    if (finished.length > 0) {
      const project = projectOfShard(this.#shardName);
      const frame = this.#counters.frameOf(finished, this.#shardName, project, this.#boot);
      all.push(this.#newRow(frame, new Uint8Array(0), nowMs));
    }
    this.rows.insert(all, this.#counts(finished));
    this.#counters.forget(finished);
    if (all.length > 0) this.#countsAreStored = true;
  }

  /** Writes a row with the counts of finished minutes. */
  addFinishedCounts(): void {
    this.#insert([], Date.now());
  }

  #counts(without: readonly number[] = []): string {
    return JSON.stringify({
      minutes: this.#counters.stored(without),
      drops: this.#drops.pending,
    } satisfies Counts);
  }

  /** Makes counts durable that no row has stored. The table of drops is written once a minute. */
  storeCounts(): void {
    if (this.isBrimful) return;
    const nowMs = Date.now();
    if (!isOver(this.#dropsWrittenAtMs, WRITE_DROPS_EVERY_MS, nowMs) || this.#drops.pending.length === 0) {
      this.rows.storeCounts(this.#counts());
    } else {
      this.#storage.transactionSync(() => {
        this.#drops.write();
        this.rows.storeCounts(JSON.stringify({ minutes: this.#counters.stored([]), drops: [] } satisfies Counts));
      });
      this.#drops.clear();
      this.#dropsWrittenAtMs = nowMs;
    }
    this.#countsAreStored = true;
  }

  /** The rows are on the stream. */
  markSent(rows: readonly Row[]): void {
    if (rows.length === 0) return;
    this.rows.markSent(rows, this.#counts(), Date.now());
    this.#countsAreStored = true;
    this.maintain();
  }

  /** Epoch milliseconds of the next work that needs no request; null when there is no such work. */
  get dueAtMs(): number | null {
    const keptSinceMs = this.rows.keptSinceMs;
    const due = [this.#counters.dueAtMs, keptSinceMs === null ? null : keptSinceMs + TIDY_AFTER_MS];
    const times = due.filter((atMs) => atMs !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Does work that can wait. The work may fail, and is then done the next time. */
  maintain(): void {
    try {
      const nowMs = Date.now();
      this.#databaseBytes = this.#storage.sql.databaseSize;
      this.#moveIdsWhenDue(nowMs);
      if (isOver(this.#expiredAtMs, EXPIRE_EVERY_MS, nowMs)) {
        this.#expiredAtMs = nowMs;
        this.#storage.transactionSync(() => this.#segments.forgetExpired(nowMs));
      }
    } catch (fault) {
      this.#segments.reload();
      log("error", "maintenance failed", { fault });
    }
    this.#mergeSoon();
  }

  /** Ids in no run must be in memory. In an outage this is true of the ids of waiting rows only while they are few. */
  #moveIdsWhenDue(nowMs: number): void {
    const { rows } = this;
    const isIdle = rows.count === 0 && rows.keptSinceMs !== null && isOver(rows.keptSinceMs, TIDY_AFTER_MS, nowMs);
    if (!isIdle && !rows.hasSpentLog && rows.looseIdCount < this.#bounds.dedupeRunIds) return;
    rows.moveIds((loose) => this.#segments.writeRun(loose), this.#counts(), isIdle);
    this.#countsAreStored = true;
  }

  #mergeSoon(): void {
    if (this.#mergeTimer !== null || !this.#segments.hasMergeToDo || this.isBrimful) return;
    this.#mergeTimer = setTimeout(() => {
      this.#mergeTimer = null;
      try {
        this.#storage.transactionSync(() => this.#segments.mergeSlice());
      } catch (fault) {
        this.#segments.reload();
        log("error", "merge failed", { fault });
        // The next commit or flush retries.
        return;
      }
      this.#mergeSoon();
    }, MERGE_PAUSE_MS);
  }

  /** Finds one message. Times are epoch milliseconds. */
  find(id: Uint8Array): { committedAtMs: number; flushedAtMs: number | null } | null {
    return this.rows.find((ids) => unsortedHas(ids, id)) ?? this.#segments.find(id);
  }
}
