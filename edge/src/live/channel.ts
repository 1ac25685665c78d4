// Queues an isolate's messages for one project's live tail, within a bound. Calls are made one at a time, and each carries the
// messages that gathered during the previous call. The tail's answers say how many events a second this isolate may send and how
// far apart its calls should be, so that a watched project does not overload one object, whatever the traffic. Messages above the
// bound are counted and never built (publish.ts).

import { LIMITS } from "@behaviour/contract";

/** A tail's answer to a call. The previous release answers whether there are watchers. */
export interface Pace {
  eventsPerSecond: number;
  gapMs: number;
}

/** Applies until the first answer of a tail: a single isolate may use the whole rate. */
const FIRST_PACE: Pace = { eventsPerSecond: LIMITS.liveEventsPerSecond, gapMs: 0 };
/** A whole batch is shown if it arrives when the tail is idle. */
const BURST_SECONDS = LIMITS.eventsPerRequest / LIMITS.liveEventsPerSecond;
/** A call may never return, because its request was cancelled. After this time the channel no longer waits for it. */
const CALL_MAX_MS = 2 * LIMITS.callDeadlineMs;

/** State of the isolate without promises: no request waits for another request's call. */
export class Channel {
  #waiting: string[] = [];
  #waitingUnits = 0;
  /** Messages omitted since the last call. */
  #lost = 0;
  #pace = FIRST_PACE;
  #tokens: number = LIMITS.eventsPerRequest;
  #filledAtMs = 0;
  #callingSinceMs: number | null = null;

  get hasMore(): boolean {
    return this.#waiting.length > 0 || this.#lost > 0;
  }

  get gapMs(): number {
    return this.#pace.gapMs;
  }

  lose(messages: number): void {
    this.#lost += messages;
  }

  /** @returns how many of the messages may be built. The others are counted. */
  admit(messages: number, nowMs: number): number {
    const { eventsPerSecond } = this.#pace;
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    const most = Math.max(1, eventsPerSecond * BURST_SECONDS);
    this.#tokens = Math.min(most, this.#tokens + (elapsedMs / 1_000) * eventsPerSecond);
    this.#filledAtMs = nowMs;
    const admitted = Math.min(messages, Math.floor(this.#tokens));
    this.#tokens -= admitted;
    this.#lost += messages - admitted;
    return admitted;
  }

  add(text: string): void {
    if (this.#waitingUnits + text.length > LIMITS.liveBufferBytes) {
      this.#lost++;
      return;
    }
    this.#waiting.push(text);
    this.#waitingUnits += text.length;
  }

  /** @returns false while another request's call is in progress. That request also sends the messages that are added now. */
  lead(nowMs: number): boolean {
    const isCalling = this.#callingSinceMs !== null && Math.abs(nowMs - this.#callingSinceMs) < CALL_MAX_MS;
    if (!isCalling) this.#callingSinceMs = nowMs;
    return !isCalling;
  }

  take(nowMs: number): { texts: string[]; lost: number } {
    const taken = { texts: this.#waiting, lost: this.#lost };
    this.#waiting = [];
    this.#waitingUnits = 0;
    this.#lost = 0;
    this.#callingSinceMs = nowMs;
    return taken;
  }

  hear(answer: Pace | boolean): void {
    if (typeof answer === "object") this.#pace = answer;
  }

  end(): void {
    this.#callingSinceMs = null;
  }
}
