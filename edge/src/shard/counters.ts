// Counts what this shard did with events, by minute of receipt. The counts of a minute in progress are stored in every row that
// is written (rows.ts), so an object that loses its memory continues with them. When the minute is over, its counts become a row
// of their own and are delivered like the events that they count. I9.

import { type CounterLine, compressMember, ENVELOPE_VERSION, type ShardCounters } from "@behaviour/contract";

const OUTCOMES = ["accepted", "duplicates", "rejected", "suppressed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

const MINUTE_MS = 60_000;
/** Requests that were received in a minute may still be in progress shortly after it. */
const GRACE_MS = 5_000;
/** Wrong clocks must not create minutes without end. Above this number the oldest minutes count as finished. */
const MINUTES_MAX = 30;

type Minute = Record<Outcome, number>;
/** A stored minute: its start, then its counts in the order of `OUTCOMES`. */
export type StoredMinute = [minuteMs: number, ...counts: number[]];

const encoder = new TextEncoder();

export class Counters {
  readonly #minutes = new Map<number, Minute>();
  #serial = 0;

  constructor(stored: readonly StoredMinute[] = []) {
    for (const [minuteMs, ...counts] of stored) {
      for (const [index, outcome] of OUTCOMES.entries()) this.add(outcome, counts[index] ?? 0, minuteMs);
    }
  }

  add(outcome: Outcome, events: number, receivedAtMs: number): void {
    if (events === 0) return;
    const minuteMs = Math.floor(receivedAtMs / MINUTE_MS) * MINUTE_MS;
    const minute = this.#minutes.get(minuteMs) ?? { accepted: 0, duplicates: 0, rejected: 0, suppressed: 0 };
    minute[outcome] += events;
    this.#minutes.set(minuteMs, minute);
  }

  /** Epoch milliseconds at which the first minute is finished; null when there are no minutes. */
  get dueAtMs(): number | null {
    return this.#minutes.size === 0 ? null : Math.min(...this.#minutes.keys()) + MINUTE_MS + GRACE_MS;
  }

  /** The finished minutes. A minute far in the future comes from a wrong clock. */
  finished(nowMs: number): number[] {
    const all = [...this.#minutes.keys()].sort((a, b) => a - b);
    const over = all.filter((minuteMs) => minuteMs + MINUTE_MS + GRACE_MS <= nowMs);
    return over.length > 0 ? over : all.slice(0, Math.max(0, all.length - MINUTES_MAX));
  }

  /** Packs these minutes into one frame. `forget` deletes them, once the frame is among the rows. */
  frameOf(minutes: readonly number[], shard: string, project: string, boot: string): Uint8Array {
    const lines = minutes.map((minuteMs) => {
      const counts = this.#minutes.get(minuteMs) as Minute;
      const counters: ShardCounters = { project, shard, boot, serial: this.#serial++, minuteMs, ...counts };
      return JSON.stringify({ v: ENVELOPE_VERSION, counters } satisfies CounterLine);
    });
    return compressMember(encoder.encode(`${lines.join("\n")}\n`));
  }

  forget(minutes: readonly number[]): void {
    for (const minuteMs of minutes) this.#minutes.delete(minuteMs);
  }

  /** The counts to store, without these minutes. */
  stored(without: readonly number[]): StoredMinute[] {
    return [...this.#minutes]
      .filter(([minuteMs]) => !without.includes(minuteMs))
      .map(([minuteMs, minute]) => [minuteMs, ...OUTCOMES.map((outcome) => minute[outcome])]);
  }
}
