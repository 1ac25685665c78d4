// What this shard did with events, by minute of receipt: kept in memory, and put among the rows once a minute is over, so that
// the counts travel the way of the events they count. A crash costs the counts of the minutes under way, never an event. I9.

import { type CounterLine, compressMember, ENVELOPE_VERSION, type ShardCounters } from "@behaviour/contract";

export type Outcome = "accepted" | "duplicates" | "rejected" | "suppressed";

const MINUTE_MS = 60_000;
/** Requests that were received in a minute are still under way shortly after it. */
const GRACE_MS = 5_000;

type Minute = Record<Outcome, number>;

const encoder = new TextEncoder();

export class Counters {
  readonly #minutes = new Map<number, Minute>();
  #serial = 0;

  add(outcome: Outcome, events: number, receivedAtMs: number): void {
    if (events === 0) return;
    const minuteMs = Math.floor(receivedAtMs / MINUTE_MS) * MINUTE_MS;
    const minute = this.#minutes.get(minuteMs) ?? { accepted: 0, duplicates: 0, rejected: 0, suppressed: 0 };
    minute[outcome] += events;
    this.#minutes.set(minuteMs, minute);
  }

  /** Nothing is left to be put among the rows. */
  get isEmpty(): boolean {
    return this.#minutes.size === 0;
  }

  /** One frame of all minutes that are over, which are forgotten with it; null when there are none. */
  takeFinished(shard: string, project: string, boot: string, nowMs: number): Uint8Array | null {
    const lines: string[] = [];
    for (const [minuteMs, minute] of this.#minutes) {
      if (minuteMs + MINUTE_MS + GRACE_MS > nowMs) continue;
      this.#minutes.delete(minuteMs);
      const counters: ShardCounters = { project, shard, boot, serial: this.#serial++, minuteMs, ...minute };
      lines.push(JSON.stringify({ v: ENVELOPE_VERSION, counters } satisfies CounterLine));
    }
    return lines.length === 0 ? null : compressMember(encoder.encode(`${lines.join("\n")}\n`));
  }
}
