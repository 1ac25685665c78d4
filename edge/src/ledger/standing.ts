// Defines an id's standing: for each purpose a verdict and the time since which it holds. Standings are joined in any order and
// any number of times with the same result, so a copy of the ledger may receive a change twice, late or out of order. Pure.

import type { Purpose, PurposeVerdicts, Verdict } from "../consent/decide.ts";
import { ledgerState, verdictsOf } from "../consent/table.ts";
import { ENTRY_BYTES } from "./entry.ts";

export interface Held {
  verdict: Verdict;
  /** Epoch milliseconds; 0 for `unknown`. */
  sinceMs: number;
}
export type Standing = Record<Purpose, Held>;

export interface ConsentRecord {
  /** Identifies the record, so that a repeated write changes nothing. */
  record: string;
  recordedAtMs: number;
  occurredAtMs: number;
  /** A purpose without a decision is absent. */
  purposes: Partial<Record<Purpose, "granted" | "denied">>;
  method: string;
  noticeVersion: string | null;
}

const NOTHING_HELD: Held = { verdict: "unknown", sinceMs: 0 };
export const NO_STANDING: Standing = { analytics: NOTHING_HELD, advertising: NOTHING_HELD };

/**
 * A refusal holds from its receipt on, whatever the client's clock says. It never counts as older. A grant holds from the time
 * when it was given, but never from a future time.
 */
export function standingOf({ purposes, occurredAtMs, recordedAtMs }: ConsentRecord): Standing {
  const held = (said: "granted" | "denied" | undefined): Held => {
    if (said === undefined) return NOTHING_HELD;
    return { verdict: said, sinceMs: said === "denied" ? recordedAtMs : Math.min(occurredAtMs, recordedAtMs) };
  };
  return { analytics: held(purposes.analytics), advertising: held(purposes.advertising) };
}

/** Returns the newer verdict. At the same time a refusal wins. */
export function join(a: Standing, b: Standing): Standing {
  return { analytics: newer(a.analytics, b.analytics), advertising: newer(a.advertising, b.advertising) };
}

const RANKS: Record<Verdict, number> = { unknown: 0, granted: 1, denied: 2 };

function newer(a: Held, b: Held): Held {
  if (a.sinceMs !== b.sinceMs) return a.sinceMs > b.sinceMs ? a : b;
  return RANKS[a.verdict] >= RANKS[b.verdict] ? a : b;
}

export function verdicts({ analytics, advertising }: Standing): PurposeVerdicts {
  return { analytics: analytics.verdict, advertising: advertising.verdict };
}

/** An entry, its state and two times. */
const PACKED_BYTES = ENTRY_BYTES + 1 + 2 * Float64Array.BYTES_PER_ELEMENT;

export interface EntryStanding {
  entry: Uint8Array;
  standing: Standing;
}

/** Packs standings for a call between objects. They are one array, because each array of a message has a cost. */
export function packStandings(standings: readonly EntryStanding[]): Uint8Array {
  const packed = new Uint8Array(standings.length * PACKED_BYTES);
  const view = new DataView(packed.buffer);
  for (const [index, { entry, standing }] of standings.entries()) {
    const at = index * PACKED_BYTES;
    packed.set(entry, at);
    view.setUint8(at + ENTRY_BYTES, ledgerState(verdicts(standing)));
    view.setFloat64(at + ENTRY_BYTES + 1, standing.analytics.sinceMs);
    view.setFloat64(at + ENTRY_BYTES + 9, standing.advertising.sinceMs);
  }
  return packed;
}

/** @throws if the length is wrong, for example from another release with another format. */
export function unpackStandings(packed: Uint8Array): EntryStanding[] {
  if (packed.byteLength % PACKED_BYTES !== 0) throw new Error("standings of another layout");
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const standings: EntryStanding[] = [];
  for (let at = 0; at < packed.byteLength; at += PACKED_BYTES) {
    const standing = standingOfState(
      view.getUint8(at + ENTRY_BYTES),
      view.getFloat64(at + ENTRY_BYTES + 1),
      view.getFloat64(at + ENTRY_BYTES + 9),
    );
    standings.push({ entry: packed.slice(at, at + ENTRY_BYTES), standing });
  }
  return standings;
}

function standingOfState(state: number, analyticsMs: number, advertisingMs: number): Standing {
  const { analytics, advertising } = verdictsOf(state);
  return {
    analytics: { verdict: analytics, sinceMs: analyticsMs },
    advertising: { verdict: advertising, sinceMs: advertisingMs },
  };
}

export const STANDINGS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS standings (
    entry BLOB PRIMARY KEY,
    state INTEGER NOT NULL,
    analytics_ms INTEGER NOT NULL,
    advertising_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
`;

type StoredStanding = { entry: ArrayBuffer; state: number; analytics_ms: number; advertising_ms: number };

/** The table of standings, which a ledger object and a shard share: one row for an id, however often consent was asked. */
export class Standings {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(entry: Uint8Array): Standing {
    const [row] = this.#sql.exec<StoredStanding>("SELECT * FROM standings WHERE entry = ?", entry).toArray();
    return row === undefined ? NO_STANDING : standingOfRow(row);
  }

  /** @returns whether the stored standing changed. */
  merge(entry: Uint8Array, standing: Standing): boolean {
    const before = this.of(entry);
    const after = join(before, standing);
    if (sameStanding(before, after)) return false;
    this.#sql.exec(
      "INSERT OR REPLACE INTO standings (entry, state, analytics_ms, advertising_ms) VALUES (?, ?, ?, ?)",
      entry,
      ledgerState(verdicts(after)),
      after.analytics.sinceMs,
      after.advertising.sinceMs,
    );
    return true;
  }

  /** The standings of one topic after an entry, ordered by entry. */
  page(topic: number, after: Uint8Array | null, limit: number): EntryStanding[] {
    const from = after ?? topicStart(topic);
    return this.#sql
      .exec<StoredStanding>(
        "SELECT * FROM standings WHERE entry > ? AND entry < ? ORDER BY entry LIMIT ?",
        from,
        topicStart(topic + 1),
        limit,
      )
      .toArray()
      .map((row) => ({ entry: new Uint8Array(row.entry), standing: standingOfRow(row) }));
  }
}

/** A prefix of every entry of the topic, which sorts before all of them. */
function topicStart(topic: number): Uint8Array {
  return Uint8Array.of(topic >> 8, topic & 0xff);
}

function standingOfRow(row: StoredStanding): Standing {
  return standingOfState(row.state, row.analytics_ms, row.advertising_ms);
}

function sameStanding(a: Standing, b: Standing): boolean {
  return sameHeld(a.analytics, b.analytics) && sameHeld(a.advertising, b.advertising);
}

function sameHeld(a: Held, b: Held): boolean {
  return a.verdict === b.verdict && a.sinceMs === b.sinceMs;
}
