// Creates and migrates a shard's storage, by version. A shard that wakes brings its storage to this release's version step by
// step, each step in one transaction. Storage of a later version is not changed, and nothing is accepted until the later release
// is back. ADR 011.

import { ID_HASH_BYTES } from "@behaviour/contract";
import { Segments } from "./segments.ts";

/** Releases that wrote no version have version 1. */
const STEPS: readonly ((storage: DurableObjectStorage) => void)[] = [createVersion2];

const SCHEMA_VERSION = STEPS.length + 1;

/** @throws when the storage is of a later release. */
export function migrate(storage: DurableObjectStorage): void {
  const { sql } = storage;
  if (!hasTable(sql, "schema_version")) {
    storage.transactionSync(() => {
      sql.exec("CREATE TABLE schema_version (version INTEGER NOT NULL)");
      sql.exec("INSERT INTO schema_version (version) VALUES (1)");
    });
  }
  const { version } = sql.exec<{ version: number }>("SELECT version FROM schema_version").one();
  if (version > SCHEMA_VERSION) throw new Error(`storage of a later release: version ${version}`);
  for (let from = version; from < SCHEMA_VERSION; from++) {
    storage.transactionSync(() => {
      STEPS[from - 1]?.(storage);
      sql.exec("UPDATE schema_version SET version = ?", from + 1);
    });
  }
  // If the previous release ran again after this release, its tables exist again.
  if (hasTable(sql, "rows") || hasTable(sql, "flushed_ids")) storage.transactionSync(() => takeOverVersion1(storage));
}

/** Creates logs of rows, one row that records which rows are sent, and runs that are merged (rows.ts, segments.ts). */
function createVersion2(storage: DurableObjectStorage): void {
  const { sql } = storage;
  sql.exec(`
    CREATE TABLE shard_state (one INTEGER PRIMARY KEY CHECK (one = 1), state TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS id_runs (
      run INTEGER PRIMARY KEY,
      oldest_at_ms INTEGER NOT NULL,
      newest_at_ms INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS id_pages (
      run INTEGER NOT NULL,
      first BLOB NOT NULL,
      ids BLOB NOT NULL,
      PRIMARY KEY (run, first)
    ) WITHOUT ROWID;
    ALTER TABLE id_runs ADD COLUMN ids INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE id_runs ADD COLUMN merging TEXT;
    UPDATE id_runs SET ids =
      (SELECT ifnull(sum(length(ids)), 0) / ${ID_HASH_BYTES} FROM id_pages WHERE id_pages.run = id_runs.run);
    CREATE TABLE IF NOT EXISTS drops (
      hour_ms INTEGER NOT NULL,
      reason TEXT NOT NULL,
      events INTEGER NOT NULL,
      PRIMARY KEY (hour_ms, reason)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS revoked_keys (key_id TEXT PRIMARY KEY) WITHOUT ROWID;
  `);
}

/** Turns the rows of version 1 into a log of waiting rows, and its flushed ids into a run. */
function takeOverVersion1({ sql }: DurableObjectStorage): void {
  if (hasTable(sql, "flushed_ids")) {
    const flushed = sql
      .exec<{ ids: ArrayBuffer; committed_at_ms: number; flushed_at_ms: number }>("SELECT * FROM flushed_ids")
      .toArray()
      .map(({ ids, committed_at_ms, flushed_at_ms }) => ({
        ids: new Uint8Array(ids),
        // A flush stored one time for all its rows, that of the oldest row.
        committedAtMs: Math.max(committed_at_ms, flushed_at_ms),
      }));
    new Segments(sql).writeRun(flushed.filter(({ ids }) => ids.byteLength >= ID_HASH_BYTES));
    sql.exec("DROP TABLE flushed_ids");
  }
  if (hasTable(sql, "rows")) takeOverRows(sql);
  sql.exec("DROP TABLE IF EXISTS rows_in_runs");
}

function takeOverRows(sql: SqlStorage): void {
  const inRunsSeq = hasTable(sql, "rows_in_runs")
    ? (sql.exec<{ seq: number }>("SELECT seq FROM rows_in_runs").toArray()[0]?.seq ?? 0)
    : 0;
  const waiting = sql.exec<{ last: number | null }>("SELECT max(seq) AS last FROM rows").one();
  if (waiting.last === null) {
    sql.exec("DROP TABLE rows");
    if (inRunsSeq > 0) storeFirstState(sql, inRunsSeq, inRunsSeq);
    return;
  }
  const logs = logNumbers(sql);
  if (logs.length > 0 || sql.exec("SELECT 1 FROM shard_state").toArray().length > 0) {
    renumberRows(sql, logs);
    return;
  }
  sql.exec("ALTER TABLE rows ADD COLUMN counts TEXT");
  sql.exec("ALTER TABLE rows RENAME TO rows_1");
  storeFirstState(sql, 0, inRunsSeq);
}

function storeFirstState(sql: SqlStorage, seq: number, inRunsSeq: number): void {
  const state = { seq, waiting: [], inRunsSeq, closed: [], sentAtMs: 0, counts: "" };
  sql.exec("INSERT OR IGNORE INTO shard_state (one, state) VALUES (1, ?)", JSON.stringify(state));
}

function logNumbers(sql: SqlStorage): number[] {
  return sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'rows_[0-9]*'")
    .toArray()
    .map(({ name }) => Number(name.slice("rows_".length)));
}

/**
 * The previous release ran in between and numbered its rows from the start, so its rows are placed after the rows of this
 * release. This is rare, so one write per row is acceptable.
 */
function renumberRows(sql: SqlStorage, logs: readonly number[]): void {
  const stored = sql.exec<{ state: string }>("SELECT state FROM shard_state").toArray()[0];
  const known = JSON.parse(stored?.state ?? '{"seq":0,"closed":[]}') as { seq: number; closed: { number: number }[] };
  let lastSeq = known.seq;
  for (const number of logs) {
    const { last } = sql.exec<{ last: number | null }>(`SELECT max(seq) AS last FROM rows_${number}`).one();
    lastSeq = Math.max(lastSeq, last ?? 0);
  }
  const number = Math.max(0, ...logs, ...known.closed.map((log) => log.number)) + 1;
  sql.exec(`CREATE TABLE rows_${number} (seq INTEGER PRIMARY KEY, boot TEXT NOT NULL, committed_at_ms INTEGER NOT NULL,
    counts TEXT, ids BLOB NOT NULL, frame BLOB NOT NULL)`);
  sql.exec(
    `INSERT INTO rows_${number} (seq, boot, committed_at_ms, counts, ids, frame)
     SELECT seq + ?, boot, committed_at_ms, NULL, ids, frame FROM rows`,
    lastSeq,
  );
  sql.exec("DROP TABLE rows");
}

function hasTable(sql: SqlStorage, name: string): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name).toArray().length > 0;
}
