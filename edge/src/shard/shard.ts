// The buffer shard: one thread that holds everything about a set of devices of one project in one region. It dedupes, makes
// events durable before they are acknowledged, and flushes its rows to the stream until nothing is left, whatever fails.
// E1–E5. It opens no frame: ids, the oldest time and bytes are all it looks at.

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

/** A durable alarm stands this far ahead while rows wait, in case the object loses its memory and its timers. */
const ALARM_AHEAD_MS = 10_000;
/** Counts that no row brings to disk are stored when no more came for so long, or after so long at most. */
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
  /** Of appends that wait until the shard has the part of the ledger that judges them. */
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
   * Appends for several requests: one answer an input, in order, once all of it is durable (or known to be). Never from
   * memory: the output gate holds every answer.
   */
  async append2(call: AppendCall): Promise<AppendAnswer[]> {
    return this.#appendAll(unpackAppends(call));
  }

  /** As Workers of the previous release call it. */
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
    // From here to the commit in one turn: what is told of consent meanwhile would be missed.
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
      // The first copy may still be in the commit under way: its "duplicate" must not be acknowledged before it.
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
      // Nothing was written and memory is as before: the members are refused, and the rows that wait go on.
      log("error", "commit failed", { fault });
      throw fault;
    }
    try {
      this.#armAlarm();
      await this.ctx.storage.sync();
    } catch (fault) {
      // Memory holds what the disk may not: start again from what is there.
      log("error", "commit was not synced", { fault });
      this.ctx.abort("commit was not synced");
    }
    this.#flusher.schedule();
    this.#registration.rowsWait(Date.now());
  }

  /**
   * Alarms are not trusted: a handler that throws seven times is never called again. Re-armed durably before any I/O.
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

  /** Each alarm that is set is a row: one that stands early enough is left alone. */
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

  /** Called by the sweeper: begins to flush what waits, whatever became of timers and alarms, and answers at once. */
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

  /** The sweeper's, after two days of silence. @returns whether its entry may be deleted; it then registers anew. */
  async retire(): Promise<boolean> {
    if (this.#store.rows.count > 0 || this.#commits.pendingBytes > 0) {
      this.#registration.rowsWait(Date.now());
      return false;
    }
    this.#registration.retire();
    this.#ledger.release();
    return true;
  }

  /** From the live tail, again and again while it has watchers. */
  async setWatched(watched: boolean): Promise<void> {
    if (watched) this.#watch.renew();
    else this.#watch.end();
  }

  /** Asked when a request was refused before any shard saw it. */
  async isWatched(): Promise<boolean> {
    return this.#watch.isOpen;
  }

  /** From the control plane: no event of these keys is taken any more. */
  async revokeKeys(keyIds: readonly string[]): Promise<void> {
    this.#revoke(keyIds);
  }

  #revoke(keyIds: readonly string[]): void {
    for (const keyId of keyIds) {
      this.#sql.exec("INSERT OR IGNORE INTO revoked_keys (key_id) VALUES (?)", keyId);
      this.#revokedKeys.add(keyId);
    }
  }

  /** From the first home of the consent ledger, once: what the release before this one kept here. */
  async exportLedger(): Promise<void> {
    await this.#ledger.export();
  }

  /** From a home of the consent ledger: the first record of the project is about to be answered. */
  async ledgerInUse(use: Use): Promise<void> {
    this.#ledger.setInUse(use);
  }

  /** From a home of the consent ledger: standings that changed; in force for the next call that is received. */
  async applyConsent(token: string, standings: Uint8Array): Promise<"applied" | "unsubscribed"> {
    return this.#ledger.apply(token, standings);
  }

  /** Called by Workers of the release before this one, whose ids can't be filed any more: their client is to try again. */
  async recordConsent(): Promise<never> {
    throw new Error("consent is recorded by the ledger: this caller is older than the shard");
  }

  async consentHistory(): Promise<never> {
    throw new Error("consent is read from the ledger: this caller is older than the shard");
  }

  /** What the Worker decided without this shard: counts, and nothing else of the events comes here. */
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
   * Counts go to disk with the next row of any kind; where none comes, with one of their own: before the runtime takes the memory
   * of an object that rests, and not for each report.
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

  /** Where one message stands here; times are epoch milliseconds. Not named `trace`: that is an event handler of the runtime. */
  async traceMessage(id: Uint8Array): Promise<{ acceptedAtMs: number; flushedAtMs: number | null } | null> {
    const found = this.#store.find(id);
    return found === null ? null : { acceptedAtMs: found.committedAtMs, flushedAtMs: found.flushedAtMs };
  }

  get #name(): string {
    // Set for every object that is reached by name, and all of ours are.
    return this.ctx.id.name ?? this.ctx.id.toString();
  }
}

const STORAGE_FULL = { outcome: "refused", code: "storage_full" } as const;

function isDiskFull(fault: unknown): boolean {
  return /SQLITE_FULL|database or disk is full/.test(String(fault));
}
