// Keeps the shard's copy of the consent ledger: the topics whose ids its events have named, kept complete by the ledger's homes
// (ledger/home.ts). The shard judges an id only when it holds the id's topic. A project without consent records needs no topic.
// ADR 009.

import { SILENT, stricter } from "../consent/decide.ts";
import { ledgerState, UNKNOWN_STATE } from "../consent/table.ts";
import { ENTRY_BYTES, ENTRY_KIND, entryKey, HOMES, homeOfTopic, topicOf } from "../ledger/entry.ts";
import type { HomeOf } from "../ledger/home.ts";
import { join, STANDINGS_SCHEMA, type Standing, Standings, unpackStandings, verdicts } from "../ledger/standing.ts";
import type { Use } from "../ledger/use.ts";
import { callObject } from "../outbound/object-call.ts";
import { ID_BUCKETS } from "../placement/bucket.ts";
import { entriesOf } from "./consent-claim.ts";
import { LegacyLedger } from "./legacy-ledger.ts";

const SCHEMA = `
  ${STANDINGS_SCHEMA}
  CREATE TABLE IF NOT EXISTS ledger_topics (topic INTEGER PRIMARY KEY, token TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ledger_known (name TEXT PRIMARY KEY) WITHOUT ROWID;
`;

/** Standings that were looked up recently. The next events usually name the same ids. */
const CACHED_STANDINGS = 20_000;

/** The form of ids that the shard needs to judge events. */
export type SubjectsNeeded = "none" | "ids" | "legacy";

export class ShardLedger {
  readonly #sql: SqlStorage;
  readonly #shard: () => string;
  readonly #homeOf: HomeOf;
  readonly #standings: Standings;
  readonly #legacy: LegacyLedger;
  readonly #cached = new Map<string, Standing>();
  readonly #topics = new Set<number>();
  /** Tokens of complete subscriptions, and of subscriptions that are being pulled. */
  readonly #tokens = new Set<string>();
  readonly #pulls = new Map<number, Promise<void>>();
  #asking: Promise<void> | null = null;
  /** How often the copy was released. */
  #released = 0;
  /** The first home was asked. From then on it notifies this shard of the ledger's first use. */
  #isAsked: boolean;
  #isInUse: boolean;
  #hasLegacy: boolean;

  constructor(sql: SqlStorage, shard: () => string, homeOf: HomeOf) {
    this.#sql = sql;
    this.#shard = shard;
    this.#homeOf = homeOf;
    sql.exec(SCHEMA);
    this.#standings = new Standings(sql);
    this.#legacy = new LegacyLedger(sql, homeOf);
    for (const { topic, token } of sql.exec<{ topic: number; token: string }>("SELECT * FROM ledger_topics")) {
      this.#topics.add(topic);
      this.#tokens.add(token);
    }
    const known = new Set(
      sql
        .exec<{ name: string }>("SELECT name FROM ledger_known")
        .toArray()
        .map(({ name }) => name),
    );
    this.#isAsked = known.has("asked");
    this.#isInUse = known.has("in-use");
    this.#hasLegacy = known.has("legacy");
  }

  /**
   * Null when the shard can judge events by these ids. Otherwise wait for the promise, and judge in the turn in which it
   * resolves.
   * @param subjects null when the Worker assumes that the ledger is unused.
   */
  ready(subjects: Uint8Array | null): Promise<void> | null {
    if (!this.#isAsked) return this.#ask().then(() => this.ready(subjects) ?? undefined);
    if (!this.#isInUse || subjects === null) return null;
    const missing = this.#missing(subjects);
    return missing.length === 0 ? null : this.#pull(missing);
  }

  /** The form of ids that is missing to judge events with these ids, or without ids. */
  needs(subjects: Uint8Array | null): SubjectsNeeded {
    if (!this.#isInUse) return "none";
    if (subjects === null) return this.#hasLegacy ? "legacy" : "ids";
    return this.#hasLegacy && !hasKind(subjects, ENTRY_KIND.legacy) ? "legacy" : "none";
  }

  export(): Promise<void> {
    return this.#legacy.export();
  }

  /** Succeeds once in the shard's life. */
  #ask(): Promise<void> {
    this.#asking ??= (async () => {
      try {
        await this.#legacy.export();
        const use = await callObject(() => this.#homeOf(0).watchUse(this.#shard()));
        if (use.inUse) this.setInUse(use);
        this.#know("asked");
        this.#isAsked = true;
      } finally {
        this.#asking = null;
      }
    })();
    return this.#asking;
  }

  /**
   * Called by the first home. Use is never undone, so it does not matter if the answer to the shard's own question arrives later.
   */
  setInUse({ legacy }: Use): void {
    this.#know("in-use");
    this.#isInUse = true;
    if (!legacy) return;
    this.#know("legacy");
    this.#hasLegacy = true;
  }

  #know(name: "asked" | "in-use" | "legacy"): void {
    this.#sql.exec("INSERT OR IGNORE INTO ledger_known (name) VALUES (?)", name);
  }

  #missing(subjects: Uint8Array): number[] {
    const missing = new Set<number>();
    for (const entries of entriesOf(subjects)) {
      for (let at = 0; at < entries.byteLength; at += ENTRY_BYTES) {
        const topic = topicOf(entries.subarray(at, at + ENTRY_BYTES));
        if (!this.#topics.has(topic)) missing.add(topic);
      }
    }
    return [...missing];
  }

  /** Opens one subscription per home, shared by all appends that wait for the same topics. */
  async #pull(missing: readonly number[]): Promise<void> {
    const byHome = new Map<number, number[]>();
    for (const topic of missing) {
      if (this.#pulls.has(topic)) continue;
      const home = homeOfTopic(topic);
      byHome.set(home, [...(byHome.get(home) ?? []), topic]);
    }
    for (const [home, topics] of byHome) {
      const wanted = this.#besides(topics);
      const pull = this.#subscribe(home, wanted).finally(() => {
        for (const topic of wanted) this.#pulls.delete(topic);
      });
      for (const topic of wanted) this.#pulls.set(topic, pull);
    }
    await Promise.all(missing.map((topic) => this.#pulls.get(topic) ?? Promise.resolve()));
  }

  /**
   * Every shard sees every user and every old name in the end, so the topics of these kinds are pulled together, per home.
   * Devices are spread over the shards by their buckets, so a shard pulls only the device topics that it sees.
   */
  #besides(topics: readonly number[]): number[] {
    const wanted = new Set(topics);
    for (const topic of topics) {
      const kind = topic >> 8;
      if (kind === ENTRY_KIND.anonymousId) continue;
      for (let bucket = homeOfTopic(topic); bucket < ID_BUCKETS; bucket += HOMES) {
        const other = (kind << 8) | bucket;
        if (!this.#topics.has(other) && !this.#pulls.has(other)) wanted.add(other);
      }
    }
    return [...wanted];
  }

  /**
   * Pulls page by page. Changes in the meantime arrive under the same token. A topic counts as held when the last page is stored.
   */
  async #subscribe(home: number, topics: readonly number[]): Promise<void> {
    const token = crypto.randomUUID();
    const released = this.#released;
    this.#tokens.add(token);
    try {
      let after: Uint8Array | null = null;
      do {
        const page = await callObject(() => this.#homeOf(home).subscribe(this.#shard(), token, topics, after));
        if (this.#released !== released) throw new Error("the copy was given up while it was made");
        this.#merge(page.standings);
        after = page.next;
      } while (after !== null);
    } catch (fault) {
      this.#tokens.delete(token);
      throw fault;
    }
    for (const topic of topics) {
      this.#sql.exec("INSERT OR REPLACE INTO ledger_topics (topic, token) VALUES (?, ?)", topic, token);
      this.#topics.add(topic);
    }
  }

  /**
   * Deletes the copy of a shard that was idle for long. A home learns this with its next change. If the shard is used, it asks
   * again.
   */
  release(): void {
    this.#sql.exec("DELETE FROM ledger_topics");
    this.#sql.exec("DELETE FROM standings");
    this.#topics.clear();
    this.#tokens.clear();
    this.#cached.clear();
    this.#released++;
  }

  /** Called by a home with standings that changed. An unknown token never was, or is no longer, the token of a complete copy. */
  apply(token: string, standings: Uint8Array): "applied" | "unsubscribed" {
    if (!this.#tokens.has(token)) return "unsubscribed";
    this.#merge(standings);
    return "applied";
  }

  #merge(packed: Uint8Array): void {
    for (const { entry, standing } of unpackStandings(packed)) {
      if (this.#standings.merge(entry, standing)) this.#cached.delete(entryKey(entry));
    }
  }

  /**
   * The strictest state of the ids of one event. An old name that follows an entry belongs to the same id, and the newer of the
   * two standings counts. So nobody who makes an old name collide can loosen the entry's own standing.
   */
  state(entries: Uint8Array): number {
    if (!this.#isInUse) return UNKNOWN_STATE;
    let strictest = SILENT;
    for (let at = 0; at < entries.byteLength; at += ENTRY_BYTES) {
      const entry = entries.subarray(at, at + ENTRY_BYTES);
      let standing = this.#standing(entry);
      const oldName = entries.subarray(at + ENTRY_BYTES, at + 2 * ENTRY_BYTES);
      if (entry[0] !== ENTRY_KIND.legacy && oldName[0] === ENTRY_KIND.legacy) {
        standing = join(standing, this.#standing(oldName));
        at += ENTRY_BYTES;
      }
      strictest = stricter(strictest, verdicts(standing));
    }
    return ledgerState(strictest);
  }

  #standing(entry: Uint8Array): Standing {
    const key = entryKey(entry);
    let standing = this.#cached.get(key);
    if (standing === undefined) {
      standing = this.#standings.of(entry);
      if (this.#cached.size >= CACHED_STANDINGS) this.#cached.clear();
      this.#cached.set(key, standing);
    }
    return standing;
  }
}

function hasKind(subjects: Uint8Array, kind: number): boolean {
  for (const entries of entriesOf(subjects)) {
    for (let at = 0; at < entries.byteLength; at += ENTRY_BYTES) if (entries[at] === kind) return true;
  }
  return false;
}
