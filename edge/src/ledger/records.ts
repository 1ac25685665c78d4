// The tables of one ledger object: the standing of each id, its newest records, the shards that hold a copy, and the entries that
// they have not confirmed. All calls are synchronous. The output gate ensures durability. ADR 009.

import { LIMITS, TUNINGS } from "@behaviour/contract";
import { ENTRY_BYTES, ENTRY_KIND, entryKey, topicOf } from "./entry.ts";
import { type ConsentRecord, type EntryStanding, STANDINGS_SCHEMA, Standings, standingOf } from "./standing.ts";

const SCHEMA = `
  ${STANDINGS_SCHEMA}
  CREATE TABLE IF NOT EXISTS history (
    entry BLOB NOT NULL,
    record TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    occurred_at_ms INTEGER NOT NULL,
    analytics TEXT,
    advertising TEXT,
    method TEXT NOT NULL,
    notice_version TEXT,
    PRIMARY KEY (entry, record)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS subscribers (
    topic INTEGER NOT NULL,
    token TEXT NOT NULL,
    shard TEXT NOT NULL,
    PRIMARY KEY (topic, token)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS unconfirmed (
    entry BLOB PRIMARY KEY,
    version INTEGER NOT NULL
  ) WITHOUT ROWID;
`;

type StoredRecord = {
  record: string;
  recorded_at_ms: number;
  occurred_at_ms: number;
  analytics: "granted" | "denied" | null;
  advertising: "granted" | "denied" | null;
  method: string;
  notice_version: string | null;
};

export interface EntryRecord {
  entry: Uint8Array;
  record: ConsentRecord;
}

/** An entry whose standing a shard may not have yet. */
export interface Unconfirmed {
  entry: Uint8Array;
  /** Distinguishes a later change of the entry from the change that is being sent. */
  version: number;
}

export interface Subscriber {
  token: string;
  shard: string;
}

export interface StandingsPage {
  standings: EntryStanding[];
  /** The start of the next page; null for the last page. */
  next: Uint8Array | null;
}

export class Records {
  readonly #sql: SqlStorage;
  readonly #standings: Standings;
  #version: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    this.#standings = new Standings(sql);
    this.#version =
      sql.exec<{ version: number | null }>("SELECT max(version) AS version FROM unconfirmed").one().version ?? 0;
  }

  /** @returns the change to send to the shards: this record's change, or a change that they never confirmed; null for none. */
  add({ entry, record }: EntryRecord, keepsHistory: boolean): Unconfirmed | null {
    if (keepsHistory) this.#addToHistory(entry, record);
    if (this.#standings.merge(entry, standingOf(record))) {
      // A shard that subscribes later gets the change with its first page.
      return this.subscribers(topicOf(entry)).length === 0 ? null : this.#note(entry);
    }
    const [row] = this.#sql
      .exec<{ version: number }>("SELECT version FROM unconfirmed WHERE entry = ?", entry)
      .toArray();
    return row === undefined ? null : { entry, version: row.version };
  }

  #note(entry: Uint8Array): Unconfirmed {
    this.#version++;
    this.#sql.exec("INSERT OR REPLACE INTO unconfirmed (entry, version) VALUES (?, ?)", entry, this.#version);
    return { entry, version: this.#version };
  }

  /** Keeps the newest records of each id. The standing does not depend on them. */
  #addToHistory(entry: Uint8Array, record: ConsentRecord): void {
    this.#sql.exec(
      `INSERT OR IGNORE INTO history
         (entry, record, recorded_at_ms, occurred_at_ms, analytics, advertising, method, notice_version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      entry,
      record.record,
      record.recordedAtMs,
      record.occurredAtMs,
      record.purposes.analytics ?? null,
      record.purposes.advertising ?? null,
      record.method,
      record.noticeVersion,
    );
    this.#sql.exec(
      `DELETE FROM history WHERE entry = ? AND record IN
         (SELECT record FROM history WHERE entry = ? ORDER BY recorded_at_ms DESC, record LIMIT -1 OFFSET ?)`,
      entry,
      entry,
      LIMITS.consentHistoryRecords,
    );
  }

  /** An id's records, oldest first. */
  history(entry: Uint8Array): ConsentRecord[] {
    return this.#sql
      .exec<StoredRecord>("SELECT * FROM history WHERE entry = ? ORDER BY recorded_at_ms, occurred_at_ms", entry)
      .toArray()
      .map((row) => ({
        record: row.record,
        recordedAtMs: row.recorded_at_ms,
        occurredAtMs: row.occurred_at_ms,
        purposes: {
          ...(row.analytics === null ? {} : { analytics: row.analytics }),
          ...(row.advertising === null ? {} : { advertising: row.advertising }),
        },
        method: row.method,
        noticeVersion: row.notice_version,
      }));
  }

  standing(entry: Uint8Array): EntryStanding {
    return { entry, standing: this.#standings.of(entry) };
  }

  /** From now on every change in these topics is sent to the shard. */
  subscribe(topics: readonly number[], { token, shard }: Subscriber): void {
    for (const topic of topics) {
      this.#sql.exec("INSERT OR IGNORE INTO subscribers (topic, token, shard) VALUES (?, ?, ?)", topic, token, shard);
    }
  }

  unsubscribe(token: string): void {
    this.#sql.exec("DELETE FROM subscribers WHERE token = ?", token);
  }

  subscribers(topic: number): Subscriber[] {
    return this.#sql
      .exec<Subscriber & Record<string, string>>("SELECT token, shard FROM subscribers WHERE topic = ?", topic)
      .toArray();
  }

  /** @param after the last entry of the previous page. */
  page(topics: readonly number[], after: Uint8Array | null): StandingsPage {
    const standings: EntryStanding[] = [];
    const reached = after === null ? -1 : topicOf(after);
    for (const topic of [...topics].sort((a, b) => a - b)) {
      if (topic < reached) continue;
      const from = topic === reached ? after : null;
      standings.push(...this.#standings.page(topic, from, TUNINGS.ledgerPageEntries - standings.length));
      if (standings.length >= TUNINGS.ledgerPageEntries) {
        return { standings, next: (standings.at(-1) as EntryStanding).entry };
      }
    }
    return { standings, next: null };
  }

  /** Unconfirmed entries, ordered by entry. */
  unconfirmed(after: Uint8Array | null, limit: number): Unconfirmed[] {
    return this.#sql
      .exec<{ entry: ArrayBuffer; version: number }>(
        "SELECT entry, version FROM unconfirmed WHERE entry > ? ORDER BY entry LIMIT ?",
        after ?? new Uint8Array(0),
        limit,
      )
      .toArray()
      .map(({ entry, version }) => ({ entry: new Uint8Array(entry), version }));
  }

  get hasUnconfirmed(): boolean {
    return this.unconfirmed(null, 1).length > 0;
  }

  /** Notes that every shard with a copy has the entry as of `version`. */
  confirm({ entry, version }: Unconfirmed): void {
    this.#sql.exec("DELETE FROM unconfirmed WHERE entry = ? AND version = ?", entry, version);
  }
}

/** @throws if the bytes are not an entry, for example from a caller of another release. */
export function checkEntry(entry: Uint8Array): void {
  const kinds: readonly number[] = Object.values(ENTRY_KIND);
  const isEntry = entry.byteLength === ENTRY_BYTES && kinds.includes(entry[0] as number);
  if (!isEntry)
    throw new Error(`no ledger entry: ${entryKey(entry.subarray(0, 1)).charCodeAt(0)}, ${entry.byteLength} bytes`);
}
