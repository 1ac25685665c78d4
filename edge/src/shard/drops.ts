// Counts dropped events by hour, regime and reason. Nothing else of these events is kept (docs/API_DOCUMENTATION.md#consent). The
// counts are gathered in memory, stored beside the counters (counters.ts) with every row, and written to their own table only by
// a timer.

const HOUR_MS = 60 * 60 * 1_000;

export interface DropCount {
  hourMs: number;
  /** `<regime>/<purpose>:<source>` */
  reason: string;
  events: number;
}

export class Drops {
  readonly #sql: SqlStorage;
  /** Counts that are not in the table yet, by `<hour>/<reason>`. */
  readonly #pending = new Map<string, DropCount>();

  constructor(sql: SqlStorage, stored: readonly DropCount[] = []) {
    this.#sql = sql;
    for (const { hourMs, reason, events } of stored) this.add([{ reason, events }], hourMs);
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

  get pending(): DropCount[] {
    return [...this.#pending.values()];
  }

  /** Runs in the caller's transaction. Call `clear` once the transaction has succeeded. */
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
  }

  clear(): void {
    this.#pending.clear();
  }
}
