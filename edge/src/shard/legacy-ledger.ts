// Exports the consent records that the previous release kept in each shard, under hashes that can be made to collide. A shard
// sends them to the ledger's homes once, before it judges anything. The table stays until the next release drops it.

import { HOMES, homeOfTopic, legacyEntry, topicOf } from "../ledger/entry.ts";
import type { HomeOf } from "../ledger/home.ts";
import type { EntryRecord } from "../ledger/records.ts";
import { callObject } from "../outbound/object-call.ts";

type OldRecord = {
  seq: number;
  id: ArrayBuffer;
  record: string;
  recorded_at_ms: number;
  occurred_at_ms: number;
  analytics: "granted" | "denied" | null;
  advertising: "granted" | "denied" | null;
  method: string;
  notice_version: string | null;
};

const RECORDS_AT_ONCE = 1_000;

export class LegacyLedger {
  readonly #sql: SqlStorage;
  readonly #homeOf: HomeOf;

  constructor(sql: SqlStorage, homeOf: HomeOf) {
    this.#sql = sql;
    this.#homeOf = homeOf;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS ledger_exported (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL)",
    );
  }

  /** Continues where it was interrupted. */
  async export(): Promise<void> {
    if (!this.#hasTable) return;
    for (;;) {
      const records = this.#next();
      const last = records.at(-1);
      if (last === undefined) return;
      const byHome = Array.from({ length: HOMES }, (): EntryRecord[] => []);
      for (const record of records) {
        const entry = legacyEntry(new Uint8Array(record.id));
        byHome[homeOfTopic(topicOf(entry))]?.push({ entry, record: recordOf(record) });
      }
      await Promise.all(
        byHome.map(async (own, home) => {
          if (own.length > 0) await callObject(() => this.#homeOf(home).importLegacy(own));
        }),
      );
      this.#sql.exec("INSERT OR REPLACE INTO ledger_exported (one, seq) VALUES (1, ?)", last.seq);
    }
  }

  get #hasTable(): boolean {
    const found = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'consent_records'");
    return found.toArray().length > 0;
  }

  #next(): OldRecord[] {
    return this.#sql
      .exec<OldRecord>(
        `SELECT * FROM consent_records
         WHERE seq > coalesce((SELECT seq FROM ledger_exported), 0) ORDER BY seq LIMIT ?`,
        RECORDS_AT_ONCE,
      )
      .toArray();
  }
}

function recordOf(old: OldRecord): EntryRecord["record"] {
  return {
    record: old.record,
    recordedAtMs: old.recorded_at_ms,
    occurredAtMs: old.occurred_at_ms,
    purposes: {
      ...(old.analytics === null ? {} : { analytics: old.analytics }),
      ...(old.advertising === null ? {} : { advertising: old.advertising }),
    },
    method: old.method,
    noticeVersion: old.notice_version,
  };
}
