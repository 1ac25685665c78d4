// The consent ledger's home: sixteen objects a project, each the only truth of its buckets of ids. Shards keep copies of what
// they asked for; a record is answered once every such copy has it, and told on until then, whatever fails. ADR 009.

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

/** Shards, by name, that may not know of a record yet. */
export interface Recorded {
  unreachable: string[];
}

export interface StandingsPageAnswer {
  standings: Uint8Array;
  next: Uint8Array | null;
}

const CALLS_AT_ONCE = 50;
/** Told in one call. */
const TOLD_AT_ONCE = 1_000;
/** Pages of unconfirmed entries that one alarm goes through. */
const PAGES_AN_ALARM = 20;
const FIRST_RETRY_MS = 2_000;
const COLLECT_AHEAD_MS = 1_000;
/** The alarm stands this far ahead of a record that is being told, in case the object loses its memory. */
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

  /** Writes records of ids; nobody is unreachable when the next event that any shard is sent is judged by them. */
  async record(records: readonly EntryRecord[]): Promise<Recorded> {
    return this.#add(records, false);
  }

  /** From a shard that kept the records of the release before this one. What is not told at once is told later. */
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
      // Under an old name only what it had of old has a history; a new record has it under its own.
      const keepsHistory = isImport || record.entry[0] !== ENTRY_KIND.legacy;
      const unconfirmed = this.#records.add(record, keepsHistory);
      if (unconfirmed !== null) changed.set(entryKey(record.entry), unconfirmed);
    }
    if (changed.size > 0 || !this.#use.isTold) this.#armAlarm(ALARM_AHEAD_MS);
    return this.#tell([...changed.values()]);
  }

  /** That the ledger is in use, where that is news, and the entries' standings. */
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
        // Its copy is gone, or never became whole: it asks anew before it judges.
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

  /** Of the first home only: durable before anybody is told, and told to every shard that asked. */
  async startUse(use: { legacy: boolean }): Promise<Recorded> {
    this.#use.note(use);
    if (this.#use.isAnnounced) return { unreachable: [] };
    const current = this.#use.current;
    this.#armAlarm(ALARM_AHEAD_MS);
    const unreachable: string[] = [];
    // Those that never asked as well: a shard of the release before this one doesn't, and judges by what it has until it is new.
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

  /** Of the first home only. A shard that asks is told of the ledger's first use before that is answered. */
  async watchUse(shard: string): Promise<{ inUse: boolean; legacy: boolean }> {
    this.#use.watch(shard);
    if (!this.#use.isCollected) this.#armAlarm(COLLECT_AHEAD_MS);
    return { inUse: this.#use.isInUse, legacy: this.#use.current.legacy };
  }

  /** What shards kept of old must not wait for their next event: after it other shards may judge their ids. */
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
   * The standings of whole topics, page by page.
   * @param token names this subscription: what changes from now on is told to the shard under it.
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

  /** How an id stands, and its newest records, oldest first. */
  async read(entry: Uint8Array): Promise<{ standing: Standing; history: ConsentRecord[] }> {
    return { standing: this.#records.standing(entry).standing, history: this.#records.history(entry) };
  }

  /** Tells on what was not confirmed: after a fault, and after a loss of memory. */
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

  /** A caller of another release may lay the ledger out otherwise: what it filed here nobody would find. */
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
    // Set for every object that is reached by name, and all of ours are.
    return this.ctx.id.name as string;
  }
}

async function inGroups<T>(items: readonly T[], call: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += CALLS_AT_ONCE) {
    await Promise.all(items.slice(start, start + CALLS_AT_ONCE).map(call));
  }
}
