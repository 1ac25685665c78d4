// All that remains of dropped events: a count by hour, regime and reason. API.md §4. Gathered in memory and written with the
// next commit or within a second; a crash can cost that second's counts, never an event.

export const DROPS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS drops (
    hour_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (hour_ms, reason)
  ) WITHOUT ROWID;
`;

const HOUR_MS = 60 * 60 * 1_000;

export class Drops {
  readonly #sql: SqlStorage;
  /** By `<hour>/<reason>`, not written yet. */
  readonly #pending = new Map<string, { hourMs: number; reason: string; events: number }>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Reasons are `<regime>/<purpose>:<source>`. */
  add(counts: readonly { reason: string; events: number }[], nowMs: number): void {
    const hourMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
    for (const { reason, events } of counts) {
      const name = `${hourMs}/${reason}`;
      const pending = this.#pending.get(name) ?? { hourMs, reason, events: 0 };
      pending.events += events;
      this.#pending.set(name, pending);
    }
  }

  write(): void {
    for (const { hourMs, reason, events } of this.#pending.values()) {
      this.#sql.exec(
        `INSERT INTO drops (hour_ms, reason, events) VALUES (?1, ?2, ?3)
         ON CONFLICT (hour_ms, reason) DO UPDATE SET events = events + ?3`,
        hourMs,
        reason,
        events,
      );
    }
    this.#pending.clear();
  }

  list(fromMs: number, toMs: number): { hourMs: number; reason: string; events: number }[] {
    this.write();
    return this.#sql
      .exec<{ hour_ms: number; reason: string; events: number }>(
        "SELECT * FROM drops WHERE hour_ms >= ? AND hour_ms < ? ORDER BY hour_ms, reason",
        fromMs,
        toMs,
      )
      .toArray()
      .map((row) => ({ hourMs: row.hour_ms, reason: row.reason, events: row.events }));
  }
}
