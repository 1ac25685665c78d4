// What this shard did with events, by minute of receipt. The counts of a minute under way stand in every row that is written
// (rows.ts), so an object that loses its memory goes on where it was; once the minute is over they are put among the rows
// themselves, and travel the way of the events they count. I9.

import { type CounterLine, compressMember, ENVELOPE_VERSION, type ShardCounters } from "@behaviour/contract";

const OUTCOMES = ["accepted", "duplicates", "rejected", "suppressed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

const MINUTE_MS = 60_000;
/** Requests that were received in a minute are still under way shortly after it. */
const GRACE_MS = 5_000;
/** Clocks that are wrong must not make a row of them: beyond so many minutes the oldest counts as over. */
const MINUTES_MAX = 30;

type Minute = Record<Outcome, number>;
/** As it is stored: the minute's start, then its counts in the order of `OUTCOMES`. */
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

  /** Epoch milliseconds when the first of them is over; null when there are none. */
  get dueAtMs(): number | null {
    return this.#minutes.size === 0 ? null : Math.min(...this.#minutes.keys()) + MINUTE_MS + GRACE_MS;
  }

  /** Minutes that are over. A minute that lies far ahead was told by a clock that is wrong. */
  finished(nowMs: number): number[] {
    const all = [...this.#minutes.keys()].sort((a, b) => a - b);
    const over = all.filter((minuteMs) => minuteMs + MINUTE_MS + GRACE_MS <= nowMs);
    return over.length > 0 ? over : all.slice(0, Math.max(0, all.length - MINUTES_MAX));
  }

  /** One frame of those minutes. They are forgotten by `forget`, once the frame is among the rows. */
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

  /** What is to be stored, without those minutes. */
  stored(without: readonly number[]): StoredMinute[] {
    return [...this.#minutes]
      .filter(([minuteMs]) => !without.includes(minuteMs))
      .map(([minuteMs, minute]) => [minuteMs, ...OUTCOMES.map((outcome) => minute[outcome])]);
  }
}
