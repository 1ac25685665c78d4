// The consent ledger as a shard keeps it: records are appended, never changed, under hashes of the ids they name. Written
// rarely, looked at for every event: a shard without records costs one comparison. API.md §4, DESIGN E6.

import { ID_HASH_BYTES } from "@behaviour/contract";
import type { Purpose, PurposeVerdicts, Verdict } from "../consent/decide.ts";
import { SILENT, stricter } from "../consent/decide.ts";
import { ledgerState, UNKNOWN_STATE, verdictsOf } from "../consent/table.ts";

export const LEDGER_SCHEMA = `
  CREATE TABLE IF NOT EXISTS consent_records (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    record TEXT NOT NULL,
    recorded_at_ms INTEGER NOT NULL,
    occurred_at_ms INTEGER NOT NULL,
    analytics TEXT,
    advertising TEXT,
    method TEXT NOT NULL,
    notice_version TEXT
  );
  CREATE INDEX IF NOT EXISTS consent_records_by_id ON consent_records (id);
`;

export interface ConsentRecord {
  /** Names the record in every shard it is written to, so that writing it again changes nothing. */
  record: string;
  recordedAtMs: number;
  occurredAtMs: number;
  /** Purposes it says nothing of are absent. */
  purposes: Partial<Record<Purpose, "granted" | "denied">>;
  method: string;
  noticeVersion: string | null;
}

type StoredRecord = {
  record: string;
  recorded_at_ms: number;
  occurred_at_ms: number;
  analytics: "granted" | "denied" | null;
  advertising: "granted" | "denied" | null;
  method: string;
  notice_version: string | null;
};

/** States looked up lately; an event's ids come again with its next events. */
const CACHED_STATES = 20_000;

/** All calls are synchronous and happen within the caller's turn. */
export class Ledger {
  readonly #sql: SqlStorage;
  readonly #states = new Map<string, number>();
  #records: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#records = sql.exec<{ count: number }>("SELECT count(*) AS count FROM consent_records").one().count;
  }

  get isEmpty(): boolean {
    return this.#records === 0;
  }

  /** `id` is a packed hash (8 bytes). */
  append(id: Uint8Array, record: ConsentRecord): void {
    const repeated = this.#sql
      .exec("SELECT 1 FROM consent_records WHERE id = ? AND record = ?", id, record.record)
      .toArray();
    if (repeated.length > 0) return;
    this.#sql.exec(
      `INSERT INTO consent_records
         (id, record, recorded_at_ms, occurred_at_ms, analytics, advertising, method, notice_version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      record.record,
      record.recordedAtMs,
      record.occurredAtMs,
      record.purposes.analytics ?? null,
      record.purposes.advertising ?? null,
      record.method,
      record.noticeVersion,
    );
    this.#records++;
    this.#states.clear();
  }

  /** Oldest first. */
  history(id: Uint8Array): ConsentRecord[] {
    return this.#sql
      .exec<StoredRecord>("SELECT * FROM consent_records WHERE id = ? ORDER BY occurred_at_ms, seq", id)
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

  /** The strictest state of the ids of one event, which lie side by side; eight zeros stand for none. */
  state(ids: Uint8Array): number {
    if (this.isEmpty) return UNKNOWN_STATE;
    let verdicts = SILENT;
    for (let at = 0; at < ids.byteLength; at += ID_HASH_BYTES) {
      const id = ids.subarray(at, at + ID_HASH_BYTES);
      if (id.some((byte) => byte !== 0)) verdicts = stricter(verdicts, verdictsOf(this.#stateOf(id)));
    }
    return ledgerState(verdicts);
  }

  #stateOf(id: Uint8Array): number {
    const key = String.fromCharCode(...id);
    let state = this.#states.get(key);
    if (state === undefined) {
      state = ledgerState(currentVerdicts(this.history(id)));
      if (this.#states.size >= CACHED_STATES) this.#states.clear();
      this.#states.set(key, state);
    }
    return state;
  }
}

/** For each purpose the newest record by when it occurred; of two of one moment the refusal. */
export function currentVerdicts(history: readonly ConsentRecord[]): PurposeVerdicts {
  return { analytics: currentVerdict("analytics", history), advertising: currentVerdict("advertising", history) };
}

function currentVerdict(purpose: Purpose, history: readonly ConsentRecord[]): Verdict {
  let newestMs = Number.NEGATIVE_INFINITY;
  let verdict: Verdict = "unknown";
  for (const { occurredAtMs, purposes } of history) {
    const said = purposes[purpose];
    if (said === undefined || occurredAtMs < newestMs) continue;
    if (occurredAtMs === newestMs && verdict === "denied") continue;
    newestMs = occurredAtMs;
    verdict = said;
  }
  return verdict;
}
