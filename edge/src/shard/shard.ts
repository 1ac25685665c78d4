// A buffer shard is one thread that holds everything about a set of devices of one project in one region. It dedupes events,
// makes them durable before they are acknowledged, and flushes its rows to the stream until no row is left, whatever fails.
// E1–E5. It unpacks no frame: it uses only ids, the oldest time and bytes.

import { ID_HASH_BYTES } from "@behaviour/contract";
import { isOver } from "../clock.ts";
import type { Env } from "../env.ts";
import { ledgerHome } from "../ledger/home.ts";
import type { Use } from "../ledger/use.ts";
import { log } from "../log.ts";
import { PlacedObject } from "../placement/placed-object.ts";
import { projectOfShard } from "../placement/shard-name.ts";
import { limiterOf } from "../placement/stubs.ts";
import { kinesisSinks } from "../sink/kinesis.ts";
import type { AppendAnswer, AppendInput, WorkerReport } from "./append.ts";
import { type AppendCall, unpackAppends } from "./append-call.ts";
import { unpackAppends1 } from "./append-call-1.ts";
import { SHARD_BOUNDS, type ShardBounds } from "./bounds.ts";
import { consentChanges, droppedIn } from "./consent-claim.ts";
import { ShardLedger } from "./consent-ledger.ts";
import { Flusher } from "./flusher.ts";
import { GroupCommit } from "./group-commit.ts";
import { commitGapMs, EventRate, flushDelayMs } from "./pace.ts";
import { RateLimit } from "./rate-limit.ts";
import { REGISTRATION_SCHEMA, Registration } from "./registration.ts";
import { migrate } from "./schema.ts";
import { EventStore } from "./store.ts";
import { Watch } from "./watch.ts";

/** While rows wait, a durable alarm is set this far ahead, in case the object loses its memory and its timers. */
const ALARM_AHEAD_MS = 10_000;
/** Counts that no row writes to disk are stored after this long without new counts, at the latest after the second time. */
const STORE_COUNTS_AFTER_MS = 3_000;
const STORE_COUNTS_WITHIN_MS = 30_000;

export class BufferShard extends PlacedObject {
  readonly #sql: SqlStorage;
  readonly #store: EventStore;
  readonly #ledger: ShardLedger;
  readonly #rateLimit = new RateLimit((keyId, request) => limiterOf(this.env, this.#name, keyId).lease(request));
  readonly #rate = new EventRate();
  readonly #watch = new Watch();
  readonly #revokedKeys: Set<string>;
  readonly #commits: GroupCommit<AppendInput>;
  readonly #flusher: Flusher;
  readonly #registration: Registration;
  /** Bytes of appends that wait for a lease, or for the part of the ledger that judges them. */
  #unjudgedBytes = 0;
  #countsTimer: ReturnType<typeof setTimeout> | null = null;
  #countedAtMs = 0;
  #alarmAtMs: number | null = null;

  readonly #bounds: ShardBounds;

  /** @param bounds the runtime passes none: only a test builds a shard with other bounds */
  constructor(ctx: DurableObjectState, env: Env, bounds: ShardBounds = SHARD_BOUNDS) {
    super(ctx, env);
    this.#bounds = bounds;
    this.#sql = ctx.storage.sql;
    migrate(ctx.storage);
    this.#sql.exec(REGISTRATION_SCHEMA);
    this.#store = new EventStore(ctx.storage, this.#name, bounds);
    this.#commits = new GroupCommit<AppendInput>((members) => this.#commit(members), {
      gapMs: () => commitGapMs(this.#rate.perSecond(Date.now())),
      pendingBytes: bounds.shardPendingBytes,
    });
    // Not `env`: only `this.env` is confined to the deployment's jurisdiction.
    const homeOf = (home: number) => ledgerHome(this.env, projectOfShard(this.#name), home);
    this.#ledger = new ShardLedger(this.#sql, () => this.#name, homeOf);
    const revoked = this.#sql.exec<{ key_id: string }>("SELECT key_id FROM revoked_keys").toArray();
    this.#revokedKeys = new Set(revoked.map((row) => row.key_id));
    this.#flusher = new Flusher({
      name: this.#name,
      rows: this.#store.rows,
      sinks: () => kinesisSinks(this.env, bounds.callDeadlineMs),
      markSent: (rows) => this.#store.markSent(rows),
      delayMs: () => flushDelayMs(this.#store.rows, this.#watch.isOpen),
    });
    this.#registration = new Registration(this.env, this.#sql, {
      name: this.#name,
      hasHistory: this.#store.hasHistory,
      revokedKeys: () => [...this.#revokedKeys],
      learnRevoked: (keyIds) => this.#revoke(keyIds),
    });
    if (this.#store.rows.count > 0) this.#flusher.schedule();
  }

  /**
   * Appends for several requests. Returns one answer per input, in order, once everything is durable (or known to be durable). No
   * answer relies on memory: the output gate holds every answer back.
   */
  async append2(call: AppendCall): Promise<AppendAnswer[]> {
    return this.#appendAll(unpackAppends(call));
  }

  /** The method that Workers of the previous release call. */
  async append(call: AppendCall): Promise<AppendAnswer[]> {
    return this.#appendAll(unpackAppends1(call));
  }

  async #appendAll(inputs: readonly AppendInput[]): Promise<AppendAnswer[]> {
    if (!this.#registration.isReady) await this.#registration.ready();
    return Promise.all(inputs.map((input) => this.#append(input)));
  }

  async #append(input: AppendInput): Promise<AppendAnswer> {
    const events = input.ids.byteLength / ID_HASH_BYTES;
    const leased = this.#rateLimit.ready(input.rate, events, Date.now());
    if (leased !== null) {
      const refused = await this.#waitForLedger(leased, input.data.byteLength);
      if (refused !== null) return { outcome: "refused", code: refused };
    }
    const ready = this.#ledger.ready(input.claim.subjects);
    if (ready !== null) {
      const refused = await this.#waitForLedger(ready, input.data.byteLength);
      if (refused !== null) return { outcome: "refused", code: refused };
    }
    // Everything from here to the commit runs in one turn. A change of consent in between would be missed.
    if (this.#store.isFull) return STORAGE_FULL;
    if (!this.#commits.hasRoomFor(input.data.byteLength)) return { outcome: "refused", code: "overloaded" };
    if (this.#revokedKeys.has(input.rate.keyId)) return { outcome: "refused", code: "invalid_api_key" };
    const retryAfterSeconds = this.#rateLimit.refusedForSeconds(input.rate, Date.now());
    if (retryAfterSeconds > 0) return { outcome: "refused", code: "rate_limited", retryAfterSeconds };
    const needs = this.#ledger.needs(input.claim.subjects);
    const needsSubjects = needs !== "none";
    const duplicates = this.#store.known(input.ids, input.oldestMs);
    const changes = needsSubjects ? [] : consentChanges(input.claim, (entries) => this.#ledger.state(entries));
    if (duplicates.length > 0 || changes.length > 0 || needsSubjects) {
      this.#rateLimit.charge(input.rate, duplicates.length + droppedIn(input.claim, changes), Date.now());
      // The first message may still be in the commit in progress. Its duplicate must not be acknowledged before it.
      if (duplicates.length > 0) await this.#commits.settled();
      this.#store.count("duplicates", duplicates.length, input.receivedAtMs);
      this.#storeCountsSoon();
      const again = { outcome: "again", duplicates, changes, needsSubjects, watched: this.#watch.isOpen } as const;
      return needs === "legacy" ? { ...again, needsLegacy: true } : again;
    }
    const nowMs = Date.now();
    this.#rateLimit.charge(input.rate, events, nowMs);
    this.#rate.add(events, nowMs);
    this.#store.remember(input.ids);
    try {
      await this.#commits.add(input);
    } catch (fault) {
      if (isDiskFull(fault)) return STORAGE_FULL;
      throw fault;
    }
    return { outcome: "stored", watched: this.#watch.isOpen };
  }

  async #waitForLedger(ready: Promise<void>, bytes: number): Promise<"overloaded" | "unavailable" | null> {
    if (this.#unjudgedBytes + bytes > this.#bounds.shardPendingBytes) {
      ready.catch(() => {});
      return "overloaded";
    }
    this.#unjudgedBytes += bytes;
    try {
      await ready;
      return null;
    } catch (fault) {
      log("error", "the consent ledger does not answer", { fault });
      return "unavailable";
    } finally {
      this.#unjudgedBytes -= bytes;
    }
  }

  async #commit(members: readonly AppendInput[]): Promise<void> {
    try {
      this.#store.write(members);
    } catch (fault) {
      // Nothing was written and memory is unchanged: the members are refused, and the waiting rows are still sent.
      log("error", "commit failed", { fault });
      throw fault;
    }
    try {
      this.#armAlarm();
      await this.ctx.storage.sync();
    } catch (fault) {
      // Memory may hold data that the disk does not. Restart from the data on disk.
      log("error", "commit was not synced", { fault });
      this.ctx.abort("commit was not synced");
    }
    this.#flusher.schedule();
    this.#registration.rowsWait(Date.now());
  }

  /**
   * Alarms are not trusted: a handler that throws seven times is never called again. The alarm is set again durably before any
   * I/O.
   */
  override async alarm(): Promise<void> {
    try {
      this.#alarmAtMs = null;
      this.#store.addFinishedCounts();
      this.#store.maintain();
      this.#armAlarm();
      if (this.#store.rows.count === 0) return;
      this.#registration.rowsWait(Date.now());
      await this.ctx.storage.sync();
      await this.#flusher.flush();
    } catch (fault) {
      log("error", "alarm failed", { fault });
    }
  }

  /** Setting an alarm writes a row, so an alarm that is early enough is kept. */
  #armAlarm(): void {
    const nowMs = Date.now();
    const aheadMs = ALARM_AHEAD_MS + this.#flusher.backoffMs;
    const dueAtMs = this.#store.rows.count > 0 ? nowMs + aheadMs : this.#store.dueAtMs;
    if (dueAtMs === null) return;
    const atMs = Math.max(nowMs + 1, dueAtMs);
    if (this.#alarmAtMs !== null && this.#alarmAtMs > nowMs && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }

  /** Called by the sweeper. Starts to flush waiting rows, even if timers and alarms were lost, and answers immediately. */
  async sweep(): Promise<{ rows: number; registered: boolean }> {
    const nowMs = Date.now();
    if (this.#store.rows.count > 0) {
      this.#armAlarm();
      this.#registration.rowsWait(nowMs);
      void this.#flusher.flush();
    } else {
      this.#store.maintain();
      this.#registration.rowsGone(nowMs);
    }
    return { rows: this.#store.rows.count, registered: this.#registration.isRegistered };
  }

  /**
   * Called by the sweeper after two idle days. @returns whether the shard's entry may be deleted. The shard then registers again.
   */
  async retire(): Promise<boolean> {
    if (this.#store.rows.count > 0 || this.#commits.pendingBytes > 0) {
      this.#registration.rowsWait(Date.now());
      return false;
    }
    this.#registration.retire();
    this.#ledger.release();
    return true;
  }

  /** Called by the live tail, repeatedly while it has watchers. */
  async setWatched(watched: boolean): Promise<void> {
    if (watched) this.#watch.renew();
    else this.#watch.end();
  }

  /** Called when a request was refused before any shard received it. */
  async isWatched(): Promise<boolean> {
    return this.#watch.isOpen;
  }

  /** Called by the control plane. Events of these keys are refused from now on. */
  async revokeKeys(keyIds: readonly string[]): Promise<void> {
    this.#revoke(keyIds);
  }

  #revoke(keyIds: readonly string[]): void {
    for (const keyId of keyIds) {
      this.#sql.exec("INSERT OR IGNORE INTO revoked_keys (key_id) VALUES (?)", keyId);
      this.#revokedKeys.add(keyId);
    }
  }

  /** Called once, by the first home of the consent ledger. Exports the records that the previous release kept here. */
  async exportLedger(): Promise<void> {
    await this.#ledger.export();
  }

  /** Called by a home of the consent ledger, before the first record of the project is answered. */
  async ledgerInUse(use: Use): Promise<void> {
    this.#ledger.setInUse(use);
  }

  /** Called by a home of the consent ledger with standings that changed. They apply to the next call that is received. */
  async applyConsent(token: string, standings: Uint8Array): Promise<"applied" | "unsubscribed"> {
    return this.#ledger.apply(token, standings);
  }

  /** Called by Workers of the previous release, whose ids cannot be filed any more. Their client must retry. */
  async recordConsent(): Promise<never> {
    throw new Error("consent is recorded by the ledger: this caller is older than the shard");
  }

  async consentHistory(): Promise<never> {
    throw new Error("consent is read from the ledger: this caller is older than the shard");
  }

  /** Counts of events that the Worker decided without this shard. Nothing else of these events is sent here. */
  async report({ receivedAtMs, rejected, repeated, drops }: WorkerReport): Promise<{ watched: boolean }> {
    const suppressed = drops.reduce((sum, { events }) => sum + events, 0);
    this.#store.count("rejected", rejected, receivedAtMs);
    this.#store.count("duplicates", repeated, receivedAtMs);
    this.#store.count("suppressed", suppressed, receivedAtMs);
    this.#store.countDrops(drops);
    this.#storeCountsSoon();
    this.#registration.rowsWait(Date.now());
    return { watched: this.#watch.isOpen };
  }

  /**
   * Counts are stored with the next row of any kind. If no row comes, they get a write of their own: before the runtime evicts an
   * idle object, and not for each report.
   */
  #storeCountsSoon(): void {
    if (!this.#store.hasCountsToStore) return;
    this.#countedAtMs = Date.now();
    this.#armAlarm();
    if (this.#countsTimer !== null) return;
    const firstAtMs = this.#countedAtMs;
    const look = () => {
      this.#countsTimer = null;
      const nowMs = Date.now();
      if (!this.#store.hasCountsToStore) return;
      const waits = !isOver(this.#countedAtMs, STORE_COUNTS_AFTER_MS, nowMs);
      if (waits && !isOver(firstAtMs, STORE_COUNTS_WITHIN_MS, nowMs)) {
        this.#countsTimer = setTimeout(look, STORE_COUNTS_AFTER_MS);
        return;
      }
      try {
        this.#store.storeCounts();
      } catch (fault) {
        log("error", "counts were not stored", { fault });
      }
    };
    this.#countsTimer = setTimeout(look, STORE_COUNTS_AFTER_MS);
  }

  /**
   * Finds one message in this shard. Times are epoch milliseconds. Not named `trace`, which is an event handler of the runtime.
   */
  async traceMessage(id: Uint8Array): Promise<{ acceptedAtMs: number; flushedAtMs: number | null } | null> {
    const found = this.#store.find(id);
    return found === null ? null : { acceptedAtMs: found.committedAtMs, flushedAtMs: found.flushedAtMs };
  }

  get #name(): string {
    // The name is set for every object that is reached by name, and all our objects are.
    return this.ctx.id.name ?? this.ctx.id.toString();
  }
}

const STORAGE_FULL = { outcome: "refused", code: "storage_full" } as const;

function isDiskFull(fault: unknown): boolean {
  return /SQLITE_FULL|database or disk is full/.test(String(fault));
}
