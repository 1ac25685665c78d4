// Stores a project's consent in sixteen objects. Each is the only source of truth for its buckets of ids. Shards keep copies of
// the topics that they subscribed to. A record is acknowledged when every such copy has it. Until then it is sent again,
// whatever fails. ADR 009.

import { TUNINGS } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { callObject } from "../outbound/object-call.ts";
import { listShards } from "../placement/directories.ts";
import { PlacedObject } from "../placement/placed-object.ts";
import { shardByName } from "../placement/stubs.ts";
import { ENTRY_KIND, entryKey, homeName, homeOfTopic, topicOf } from "./entry.ts";
import { checkEntry, type EntryRecord, Records, type Subscriber, type Unconfirmed } from "./records.ts";
import { type ConsentRecord, packStandings, type Standing } from "./standing.ts";
import { LedgerUse } from "./use.ts";

/** The names of the shards that may not have a record yet. */
export interface Recorded {
  unreachable: string[];
}

export interface StandingsPageAnswer {
  standings: Uint8Array;
  next: Uint8Array | null;
}

const CALLS_AT_ONCE = 50;
/** Entries in one call to a shard. */
const TOLD_AT_ONCE = 1_000;
/** Pages of unconfirmed entries that one alarm processes. */
const PAGES_AN_ALARM = 20;
const FIRST_RETRY_MS = 2_000;
const COLLECT_AHEAD_MS = 1_000;
/** The alarm is set this far ahead while a record is being sent, in case the object loses its memory. */
const ALARM_AHEAD_MS = 10_000;

/** A ledger object of one project; a new stub each time. */
export type HomeOf = (home: number) => DurableObjectStub<ConsentLedger>;

export function ledgerHome(env: Env, project: string, home: number): DurableObjectStub<ConsentLedger> {
  return env.LEDGER.get(env.LEDGER.idFromName(homeName(project, home)));
}

export class ConsentLedger extends PlacedObject {
  readonly #records: Records;
  readonly #use: LedgerUse;
  #failures = 0;
  #alarmAtMs = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#records = new Records(ctx.storage.sql);
    this.#use = new LedgerUse(ctx.storage.sql);
  }

  /** Writes consent records. If no shard is unreachable, every shard judges its next event by them. */
  async record(records: readonly EntryRecord[]): Promise<Recorded> {
    return this.#add(records, false);
  }

  /** Imports records that a shard kept under the previous release. Shards that cannot be reached now get them later. */
  async importLegacy(records: readonly EntryRecord[]): Promise<Recorded> {
    return this.#add(records, true);
  }

  async #add(records: readonly EntryRecord[], isImport: boolean): Promise<Recorded> {
    for (const { entry } of records) {
      checkEntry(entry);
      this.#mustBeOwn(topicOf(entry));
    }
    this.#use.note({ legacy: isImport });
    const changed = new Map<string, Unconfirmed>();
    for (const record of records) {
      // A legacy entry keeps the history of imported records only. The history of a new record is under the new entry.
      const keepsHistory = isImport || record.entry[0] !== ENTRY_KIND.legacy;
      const unconfirmed = this.#records.add(record, keepsHistory);
      if (unconfirmed !== null) changed.set(entryKey(record.entry), unconfirmed);
    }
    if (changed.size > 0 || !this.#use.isTold) this.#armAlarm(ALARM_AHEAD_MS);
    return this.#tell([...changed.values()]);
  }

  /** Sends the shards that the ledger is in use, if they do not know it, and the standings of the entries. */
  async #tell(entries: readonly Unconfirmed[], failing = new Set<string>()): Promise<Recorded> {
    const unreachable = new Set(await this.#tellUse());
    const byToken = new Map<string, { subscriber: Subscriber; entries: Unconfirmed[] }>();
    for (const unconfirmed of entries) {
      for (const subscriber of this.#records.subscribers(topicOf(unconfirmed.entry))) {
        const group = byToken.get(subscriber.token) ?? { subscriber, entries: [] };
        group.entries.push(unconfirmed);
        byToken.set(subscriber.token, group);
      }
    }
    const untold = new Set<Unconfirmed>();
    await inGroups([...byToken.values()], async ({ subscriber, entries: told }) => {
      if (!failing.has(subscriber.token) && (await this.#tellShard(subscriber, told))) return;
      failing.add(subscriber.token);
      unreachable.add(subscriber.shard);
      for (const unconfirmed of told) untold.add(unconfirmed);
    });
    for (const unconfirmed of entries) if (!untold.has(unconfirmed)) this.#records.confirm(unconfirmed);
    return { unreachable: [...unreachable] };
  }

  async #tellShard({ token, shard }: Subscriber, entries: readonly Unconfirmed[]): Promise<boolean> {
    try {
      for (let start = 0; start < entries.length; start += TOLD_AT_ONCE) {
        const told = entries.slice(start, start + TOLD_AT_ONCE).map(({ entry }) => this.#records.standing(entry));
        const standings = packStandings(told);
        const answer = await callObject(() => shardByName(this.env, shard).applyConsent(token, standings));
        if (answer === "applied") continue;
        // The shard's copy is gone or never became complete. The shard subscribes again before it judges.
        this.#records.unsubscribe(token);
        return true;
      }
      return true;
    } catch (fault) {
      log("error", `consent not told to ${shard}`, { fault });
      return false;
    }
  }

  /** @returns the shards that may not know yet that the ledger is in use. */
  async #tellUse(): Promise<string[]> {
    if (this.#use.isTold) return [];
    const use = this.#use.current;
    try {
      const { unreachable } =
        this.#home === 0 ? await this.startUse(use) : await callObject(() => this.#first().startUse(use));
      if (unreachable.length === 0) this.#use.told(use);
      return unreachable;
    } catch (fault) {
      log("error", "the first ledger object does not answer", { fault });
      return [homeName(this.#project, 0)];
    }
  }

  /** For the first home only. The use is durable before any shard is notified, and every shard that asked is notified. */
  async startUse(use: { legacy: boolean }): Promise<Recorded> {
    this.#use.note(use);
    if (this.#use.isAnnounced) return { unreachable: [] };
    const current = this.#use.current;
    this.#armAlarm(ALARM_AHEAD_MS);
    const unreachable: string[] = [];
    // Shards that never asked are notified as well: a shard of the previous release does not ask, and judges by its own records
    // until it is updated.
    const known = await callObject(() => listShards(this.env, this.#project));
    await inGroups([...new Set([...this.#use.watchers(), ...known])], async (shard) => {
      try {
        await callObject(() => shardByName(this.env, shard).ledgerInUse(current));
      } catch (fault) {
        log("error", `use of the ledger not told to ${shard}`, { fault });
        unreachable.push(shard);
      }
    });
    if (unreachable.length === 0) this.#use.announced(current);
    return { unreachable };
  }

  /**
   * For the first home only. A shard that asked is notified of the ledger's first use before the first record is acknowledged.
   */
  async watchUse(shard: string): Promise<{ inUse: boolean; legacy: boolean }> {
    this.#use.watch(shard);
    if (!this.#use.isCollected) this.#armAlarm(COLLECT_AHEAD_MS);
    return { inUse: this.#use.isInUse, legacy: this.#use.current.legacy };
  }

  /**
   * Collects the shards' records of the previous release now, because other shards may judge the same ids before their next
   * event.
   */
  async #collect(): Promise<boolean> {
    if (this.#use.isCollected) return true;
    let isDone = true;
    const shards = await callObject(() => listShards(this.env, this.#project));
    await inGroups(shards, async (shard) => {
      try {
        await callObject(() => shardByName(this.env, shard).exportLedger());
      } catch (fault) {
        isDone = false;
        log("warn", `old consent records not collected from ${shard}`, { fault });
      }
    });
    if (isDone) this.#use.collected();
    return isDone;
  }

  /**
   * Returns the standings of whole topics, page by page.
   * @param token names the subscription. Later changes are sent to the shard under this token.
   */
  async subscribe(
    shard: string,
    token: string,
    topics: readonly number[],
    after: Uint8Array | null,
  ): Promise<StandingsPageAnswer> {
    for (const topic of topics) this.#mustBeOwn(topic);
    this.#records.subscribe(topics, { token, shard });
    const { standings, next } = this.#records.page(topics, after);
    return { standings: packStandings(standings), next };
  }

  /** An id's standing and its newest records, oldest first. */
  async read(entry: Uint8Array): Promise<{ standing: Standing; history: ConsentRecord[] }> {
    return { standing: this.#records.standing(entry).standing, history: this.#records.history(entry) };
  }

  /** Sends unconfirmed entries again, after a fault and after a loss of memory. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = 0;
    try {
      if (!this.#records.hasUnconfirmed && this.#use.isTold && this.#use.isAnnounced && this.#use.isCollected) return;
      this.#armAlarm(this.#retryMs);
      await this.ctx.storage.sync();
      const isCollected = await this.#collect();
      const isDone = (await this.#tellOn()) && isCollected;
      this.#failures = isDone ? 0 : this.#failures + 1;
    } catch (fault) {
      this.#failures++;
      log("error", "the ledger's alarm failed", { fault });
    }
  }

  async #tellOn(): Promise<boolean> {
    const failing = new Set<string>();
    let isDone =
      this.#home !== 0 || !this.#use.isInUse || (await this.startUse(this.#use.current)).unreachable.length === 0;
    let after: Uint8Array | null = null;
    for (let page = 0; page < PAGES_AN_ALARM; page++) {
      const entries = this.#records.unconfirmed(after, TOLD_AT_ONCE);
      const { unreachable } = await this.#tell(entries, failing);
      isDone &&= unreachable.length === 0;
      if (entries.length < TOLD_AT_ONCE) return isDone;
      after = (entries.at(-1) as Unconfirmed).entry;
    }
    return isDone;
  }

  /** A caller of another release may use another layout. No reader would find a record that it stored here. */
  #mustBeOwn(topic: number): void {
    if (homeOfTopic(topic) !== this.#home) throw new Error(`topic ${topic} lies in another ledger object`);
  }

  get #retryMs(): number {
    return Math.min(TUNINGS.flushBackoffMaxMs, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
  }

  #armAlarm(aheadMs: number): void {
    const nowMs = Date.now();
    if (this.#alarmAtMs > nowMs && this.#alarmAtMs <= nowMs + aheadMs) return;
    this.#alarmAtMs = nowMs + aheadMs;
    void this.ctx.storage.setAlarm(this.#alarmAtMs);
  }

  #first(): DurableObjectStub<ConsentLedger> {
    return ledgerHome(this.env, this.#project, 0);
  }

  get #project(): string {
    return this.#name.slice(0, this.#name.lastIndexOf(":"));
  }

  get #home(): number {
    return Number(this.#name.slice(this.#name.lastIndexOf(":") + 1));
  }

  get #name(): string {
    // The name is set for every object that is reached by name, and all our objects are.
    return this.ctx.id.name as string;
  }
}

async function inGroups<T>(items: readonly T[], call: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += CALLS_AT_ONCE) {
    await Promise.all(items.slice(start, start + CALLS_AT_ONCE).map(call));
  }
}
