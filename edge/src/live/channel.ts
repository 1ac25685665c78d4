// An isolate's way to one project's live tail: what waits for it, and how much may. One call at a time carries what gathered
// during the last, and the tail says in its answers how many events a second this isolate may send and how far apart its calls
// should be, so that a watched project costs one object what it can bear, whatever the traffic. What is above it is counted and
// never built (publish.ts).

import { LIMITS } from "@behaviour/contract";

/** What a tail answers to a call. The release before answers whether anybody watches. */
export interface Pace {
  eventsPerSecond: number;
  gapMs: number;
}

/** Until a tail has said anything: one isolate alone may send all there is room for. */
const FIRST_PACE: Pace = { eventsPerSecond: LIMITS.liveEventsPerSecond, gapMs: 0 };
/** A batch that is sent whole in a quiet moment is shown whole. */
const BURST_SECONDS = LIMITS.eventsPerRequest / LIMITS.liveEventsPerSecond;
/** A call that never comes back, because its request was cut off, is not waited for beyond this. */
const CALL_MAX_MS = 2 * LIMITS.callDeadlineMs;

/** Plain state of the isolate: no request waits for another's call. */
export class Channel {
  #waiting: string[] = [];
  #waitingUnits = 0;
  /** Messages left out since the last call. */
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

  /** @returns how many of so many messages may be built; the others are counted. */
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

  /** @returns false while another request's call is under way: it takes along what is added now. */
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
