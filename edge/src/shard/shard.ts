// The buffer shard: one thread that holds everything about a set of devices of one project in one region. It dedupes, makes
// events durable before they are acknowledged, and flushes its rows to the stream until nothing is left, whatever fails.
// DESIGN E1–E5. It opens no frame: ids, the oldest time and bytes are all it looks at.

import { DurableObject } from "cloudflare:workers";
import { concatBytes, ID_HASH_BYTES, LIMITS } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { homeName } from "../ledger/entry.ts";
import type { Use } from "../ledger/use.ts";
import { Watch } from "../live/watch.ts";
import { type AppendCall, unpackAppends } from "./append-call.ts";
import { unpackAppends1 } from "./append-call-1.ts";
import { type ConsentChange, type ConsentClaim, consentChanges } from "./consent-claim.ts";
import { Counters } from "./counters.ts";
import { DROPS_SCHEMA, Drops } from "./drops.ts";
import { Flusher } from "./flusher.ts";
import { GroupCommit, type Member, packGroup } from "./group-commit.ts";
import { ShardLedger } from "./ledger.ts";
import { log } from "./log.ts";
import { projectOfShard } from "./placement.ts";
import { RateLimit } from "./rate-limit.ts";
import { RecentIds } from "./recent-ids.ts";
import { REGISTRATION_SCHEMA, Registration } from "./registration.ts";
import { ROWS_SCHEMA, type Row, Rows } from "./rows.ts";
import { SEGMENTS_SCHEMA, Segments, unsortedHas } from "./segments.ts";

export interface RateClaim {
  keyId: string;
  /** This shard's share of the key's limit. */
  eventsPerSecond: number;
}

export interface AppendInput extends Member {
  /** Epoch milliseconds: none of the messages was first sent before. */
  oldestMs: number;
  receivedAtMs: number;
  claim: ConsentClaim;
  rate: RateClaim;
}

/** Of one request; `drops` by `<regime>/<purpose>:<source>`. */
export interface WorkerReport {
  receivedAtMs: number;
  rejected: number;
  /** Copies within the request itself. */
  repeated: number;
  drops: readonly { reason: string; events: number }[];
}

export type { ConsentChange } from "./consent-claim.ts";

export type AppendAnswer =
  /** `watched`: somebody looks at the live tail. */
  | { outcome: "stored"; watched: boolean }
  /**
   * Nothing was stored: the duplicates are known (and durable), the changes are what the ledger makes of others. Pack again
   * without the ones and with the other outcome of the others; `needsSubjects`: and with the events' ids, `needsLegacy`: under
   * their old names as well.
   */
  | {
      outcome: "again";
      duplicates: number[];
      changes: ConsentChange[];
      needsSubjects: boolean;
      needsLegacy?: true;
      watched: boolean;
    }
  | {
      outcome: "refused";
      code: "overloaded" | "unavailable" | "storage_full" | "rate_limited" | "invalid_api_key";
      retryAfterSeconds?: number;
    };

/** A durable alarm stands this far ahead while rows wait, in case the object loses its memory and its timers. */
const ALARM_AHEAD_MS = 10_000;
const MAINTAIN_EVERY_MS = 60 * 1_000;
const WRITE_DROPS_AFTER_MS = 1_000;

/** A revoked key never comes back: rotation makes new ones. */
const REVOKED_SCHEMA = "CREATE TABLE IF NOT EXISTS revoked_keys (key_id TEXT PRIMARY KEY) WITHOUT ROWID;";

export class BufferShard extends DurableObject<Env> {
  readonly #sql: SqlStorage;
  readonly #rows: Rows;
  readonly #segments: Segments;
  readonly #recent: RecentIds;
  readonly #ledger: ShardLedger;
  readonly #drops: Drops;
  readonly #counters = new Counters();
  readonly #rateLimit = new RateLimit();
  readonly #watch = new Watch();
  readonly #revokedKeys: Set<string>;
  readonly #commits = new GroupCommit((members) => this.#commit(members));
  readonly #boot = crypto.randomUUID().slice(0, 13);
  readonly #flusher: Flusher;
  readonly #registration: Registration;
  #full = false;
  /** Of appends that wait until the shard has the part of the ledger that judges them. */
  #unjudgedBytes = 0;
  #dropsTimer: ReturnType<typeof setTimeout> | null = null;
  #alarmAtMs: number | null = null;
  #maintainedAtMs = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(`${ROWS_SCHEMA}${SEGMENTS_SCHEMA}${DROPS_SCHEMA}${REVOKED_SCHEMA}${REGISTRATION_SCHEMA}`);
    this.#rows = new Rows(this.#sql);
    this.#segments = new Segments(this.#sql);
    this.#recent = new RecentIds(this.#segments.looseSinceMs ?? Number.NEGATIVE_INFINITY);
    const homeOf = (home: number) => env.LEDGER.get(env.LEDGER.idFromName(homeName(projectOfShard(this.#name), home)));
    this.#ledger = new ShardLedger(this.#sql, () => this.#name, homeOf);
    this.#drops = new Drops(this.#sql);
    const revoked = this.#sql.exec<{ key_id: string }>("SELECT key_id FROM revoked_keys").toArray();
    this.#revokedKeys = new Set(revoked.map((row) => row.key_id));
    for (const { ids, committedAtMs } of this.#segments.loose()) this.#recent.add(ids, committedAtMs);
    for (const { ids, committedAtMs } of this.#rows.outsideRuns.read())
      this.#recent.add(new Uint8Array(ids), committedAtMs);
    this.#flusher = new Flusher(env, this.#rows, this.#name, (rows) => this.#forget(rows));
    this.#registration = new Registration(env, this.#sql, {
      name: this.#name,
      hasHistory: this.#rows.count > 0 || this.#segments.looseSinceMs !== null || this.#segments.hasLoose,
      revokedKeys: () => [...this.#revokedKeys],
      learnRevoked: (keyIds) => this.#revoke(keyIds),
    });
    if (this.#rows.count > 0) this.#flusher.schedule();
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
    const ready = this.#ledger.ready(input.claim.subjects);
    if (ready !== null) {
      const refused = await this.#waitForLedger(ready, input.data.byteLength);
      if (refused !== null) return { outcome: "refused", code: refused };
    }
    // From here to the commit in one turn: what is told of consent meanwhile would be missed.
    if (this.#isFull()) return { outcome: "refused", code: "storage_full" };
    if (this.#commits.pendingBytes + input.data.byteLength > LIMITS.shardPendingBytes) {
      return { outcome: "refused", code: "overloaded" };
    }
    if (this.#revokedKeys.has(input.rate.keyId)) return { outcome: "refused", code: "invalid_api_key" };
    const needs = this.#ledger.needs(input.claim.subjects);
    const needsSubjects = needs !== "none";
    const duplicates = this.#knownIndices(input);
    const changes = needsSubjects ? [] : consentChanges(input.claim, (entries) => this.#ledger.state(entries));
    if (duplicates.length > 0 || changes.length > 0 || needsSubjects) {
      // The first copy may still be in the commit under way: its "duplicate" must not be acknowledged before it.
      if (duplicates.length > 0) await this.#commits.settled();
      this.#counters.add("duplicates", duplicates.length, input.receivedAtMs);
      const again = { outcome: "again", duplicates, changes, needsSubjects, watched: this.#watch.isOpen } as const;
      return needs === "legacy" ? { ...again, needsLegacy: true } : again;
    }
    const events = input.ids.byteLength / ID_HASH_BYTES;
    const retryAfterSeconds = this.#rateLimit.take(input.rate, events, Date.now());
    if (retryAfterSeconds > 0) return { outcome: "refused", code: "rate_limited", retryAfterSeconds };
    this.#recent.add(input.ids, Date.now());
    await this.#commits.add(input);
    this.#counters.add("accepted", events, input.receivedAtMs);
    return { outcome: "stored", watched: this.#watch.isOpen };
  }

  async #waitForLedger(ready: Promise<void>, bytes: number): Promise<"overloaded" | "unavailable" | null> {
    if (this.#unjudgedBytes + bytes > LIMITS.shardPendingBytes) {
      ready.catch(() => {});
      return "overloaded";
    }
    this.#unjudgedBytes += bytes;
    try {
      await ready;
      return null;
    } catch (fault) {
      log("error", "the consent ledger does not answer", fault);
      return "unavailable";
    } finally {
      this.#unjudgedBytes -= bytes;
    }
  }

  #isFull(): boolean {
    const mark = this.#full ? LIMITS.shardLowWaterBytes : LIMITS.shardHighWaterBytes;
    this.#full = this.#rows.bytes > mark;
    return this.#full;
  }

  #knownIndices(input: AppendInput): number[] {
    const inMemory = this.#recent.known(input.ids);
    if (input.oldestMs >= this.#recent.reachMs) return inMemory;
    const onDisk = this.#segments.knownInRuns(input.ids, input.oldestMs);
    return onDisk.length === 0 ? inMemory : [...new Set([...inMemory, ...onDisk])].sort((a, b) => a - b);
  }

  async #commit(members: readonly Member[]): Promise<void> {
    try {
      const committedAtMs = Date.now();
      for (const { frame, ids } of packGroup(members)) {
        this.#rows.insert({ boot: this.#boot, committedAtMs, frame, ids });
      }
      this.#mergeIdsWhenLarge(committedAtMs);
      this.#addCounters(committedAtMs);
      this.#drops.write();
      this.#armAlarm(committedAtMs + ALARM_AHEAD_MS);
      await this.ctx.storage.sync();
    } catch (fault) {
      // Memory now holds ids that are not stored: a retry would be told they are. Start again from what is on disk.
      log("error", "commit failed", fault);
      this.ctx.abort("commit failed");
    }
    this.#flusher.schedule();
    this.#registration.rowsWait(Date.now());
  }

  /** The counts of minutes that are over go the way of the events they count. */
  #addCounters(nowMs: number): void {
    const frame = this.#counters.takeFinished(this.#name, projectOfShard(this.#name), this.#boot, nowMs);
    if (frame !== null) this.#rows.insert({ boot: this.#boot, committedAtMs: nowMs, frame, ids: new Uint8Array(0) });
  }

  /** In one turn, so in one transaction: a row's ids are always either beside it or among the flushed ones. */
  #forget(rows: readonly Row[]): void {
    const first = rows[0];
    if (first === undefined) return;
    const nowMs = Date.now();
    const outsideRuns = rows.filter((row) => !this.#rows.isInRuns(row));
    this.#segments.add(concatBytes(outsideRuns.map((row) => row.ids)), first.committedAtMs, nowMs);
    this.#rows.delete(rows);
    this.#mergeIdsWhenLarge(nowMs);
    if (nowMs - this.#maintainedAtMs < MAINTAIN_EVERY_MS) return;
    this.#maintainedAtMs = nowMs;
    this.#segments.forgetExpired(nowMs);
  }

  /** What is in no run must be in memory: in an outage that is true of the ids of waiting rows only as long as they are few. */
  #mergeIdsWhenLarge(nowMs: number): void {
    if (this.#segments.mergeWhenLarge(this.#rows.outsideRuns, nowMs)) this.#rows.markInRuns();
  }

  /**
   * Alarms are not trusted: a handler that throws seven times is never called again. Re-armed durably before any I/O.
   */
  override async alarm(): Promise<void> {
    try {
      this.#alarmAtMs = null;
      this.#addCounters(Date.now());
      if (this.#rows.count === 0 && this.#counters.isEmpty) return;
      this.#armAlarm(Date.now() + ALARM_AHEAD_MS + this.#flusher.backoffMs);
      if (this.#rows.count > 0) this.#registration.rowsWait(Date.now());
      await this.ctx.storage.sync();
      await this.#flusher.flush();
    } catch (fault) {
      log("error", "alarm failed", fault);
    }
  }

  #armAlarm(atMs: number): void {
    if (this.#alarmAtMs !== null && this.#alarmAtMs > Date.now()) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }

  /** Called by the sweeper: begins to flush what waits, whatever became of timers and alarms, and answers at once. */
  async sweep(): Promise<{ rows: number; registered: boolean }> {
    const nowMs = Date.now();
    if (this.#rows.count > 0) {
      this.#armAlarm(nowMs + ALARM_AHEAD_MS);
      this.#registration.rowsWait(nowMs);
      void this.#flusher.flush();
    } else {
      this.#segments.forgetExpired(nowMs);
      this.#registration.rowsGone(nowMs);
    }
    return { rows: this.#rows.count, registered: this.#registration.isRegistered };
  }

  /** The sweeper's, after two days of silence. @returns whether its entry may be deleted; it then registers anew. */
  async retire(): Promise<boolean> {
    if (this.#rows.count > 0 || this.#commits.pendingBytes > 0) {
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
    this.#counters.add("rejected", rejected, receivedAtMs);
    this.#counters.add("duplicates", repeated, receivedAtMs);
    this.#counters.add("suppressed", suppressed, receivedAtMs);
    this.#armAlarm(Date.now() + ALARM_AHEAD_MS);
    this.#registration.rowsWait(Date.now());
    this.#drops.add(drops, Date.now());
    if (this.#dropsTimer === null) {
      this.#dropsTimer = setTimeout(() => {
        this.#dropsTimer = null;
        this.#drops.write();
      }, WRITE_DROPS_AFTER_MS);
    }
    return { watched: this.#watch.isOpen };
  }

  async listDrops(fromMs: number, toMs: number): Promise<{ hourMs: number; reason: string; events: number }[]> {
    return this.#drops.list(fromMs, toMs);
  }

  /** Where one message stands here; times are epoch milliseconds. */
  async trace(id: Uint8Array): Promise<{ acceptedAtMs: number; flushedAtMs: number | null } | null> {
    for (const { ids, committedAtMs } of this.#rows.ids()) {
      if (unsortedHas(new Uint8Array(ids), id)) return { acceptedAtMs: committedAtMs, flushedAtMs: null };
    }
    const flushed = this.#segments.find(id);
    return flushed === null ? null : { acceptedAtMs: flushed.committedAtMs, flushedAtMs: flushed.flushedAtMs };
  }

  get #name(): string {
    // Set for every object that is reached by name, and all of ours are.
    return this.ctx.id.name ?? this.ctx.id.toString();
  }
}
