// Requests of one isolate that append to the same shard shortly after another did share the next call: a call costs more than
// what it carries, and what comes in one call becomes one row. Who comes after a quiet moment waits for nobody. E2, ADR 007.
//
// Every request may only wait for I/O of its own: a promise or response made in one request and settled in another is
// refused by the runtime ("Cannot perform I/O on behalf of a different request"). So what is shared is plain state: whoever
// finds room leads calls for all that wait, the others look at their entry by timers of their own. The leader's calls live on
// by `waitUntil` when it was answered or its client hung up; one that is lost all the same leaves its followers to their
// deadline. They wait by `scheduler.wait`, which costs half of what a timer of Node's kind does.

import { waitUntil } from "cloudflare:workers";
import { ID_HASH_BYTES, LIMITS } from "@behaviour/contract";
import { elapsedMs, waitLeftMs } from "../clock.ts";
import type { AppendAnswer, AppendInput } from "../shard/append.ts";
import { commitGapMs, EventRate } from "../shard/pace.ts";

/**
 * How much longer the gap between the starts of two calls is than the shard's gap between commits at the same load: a call then
 * never arrives too early to be committed at once, so it takes the same time again and again, and those who wait for it look once.
 */
const LONGER_THAN_COMMITS_MS = 1;
/** A call holds what its members hold twice: as they are and as the message. */
const CALL_BYTES = 4 * 1024 * 1024;
/** After so many calls for others a leader leaves the lead to one of those that wait. */
const CALLS_IN_A_ROW = 32;

/** The least a follower sleeps, and what it takes a call for until it has seen one. */
const LOOK_EVERY_MS = 2;
/** The most: a call that was measured while the clock was set says nothing of the next. */
const LOOK_AT_MOST_MS = 50;
/** Of a new call's duration in the average. */
const NEWEST_SHARE = 0.2;
/** A look costs as much as judging an event: better a little late than twice. */
const LATER_SHARE = 1.1;

type Send = (inputs: AppendInput[]) => Promise<AppendAnswer[]>;
type Outcome = { answer: AppendAnswer } | { fault: unknown };

interface Call {
  startedMs: number;
}

interface Entry {
  input: AppendInput;
  /** The call it went with. */
  call: Call | null;
  /** Set by whoever leads that call. */
  outcome: Outcome | null;
}

/** What waits for one shard, and when the next call to it may begin. */
class Lane {
  waiting: Entry[] = [];
  #leaders = 0;
  #lastCallMs = Number.NEGATIVE_INFINITY;
  #gapMs = commitGapMs(0);
  #typicalMs = LOOK_EVERY_MS;
  readonly #rate = new EventRate();

  add(entry: Entry): void {
    this.waiting.push(entry);
    const nowMs = Date.now();
    this.#rate.add(entry.input.ids.byteLength / ID_HASH_BYTES, nowMs);
    this.#gapMs = commitGapMs(this.#rate.perSecond(nowMs)) + LONGER_THAN_COMMITS_MS;
  }

  /** How long until another call may begin. */
  roomAfterMs(nowMs: number): number {
    return waitLeftMs(this.#lastCallMs, this.#gapMs, nowMs);
  }

  /**
   * Sends what waits; then, while others wait, what came meanwhile.
   * @returns what settles with the first call, and what settles when the lead is over. Neither rejects.
   */
  lead(send: Send): { first: Promise<void>; all: Promise<void> } {
    this.#leaders++;
    const first = this.#callOnce(send);
    return { first, all: first.then(() => this.#leadOn(send)) };
  }

  async #leadOn(send: Send): Promise<void> {
    for (let count = 1; count < CALLS_IN_A_ROW && this.waiting.length > 0; count++) {
      const waitMs = this.roomAfterMs(performance.now());
      if (waitMs > 0) await scheduler.wait(waitMs);
      // Beside a slow call somebody else may have begun to lead meanwhile.
      if (this.roomAfterMs(performance.now()) > 0) break;
      await this.#callOnce(send);
    }
    this.#leaders--;
  }

  /** Settles each entry it takes, whatever happens. */
  async #callOnce(send: Send): Promise<void> {
    const call: Call = { startedMs: performance.now() };
    const entries = this.#take(call);
    this.#lastCallMs = call.startedMs;
    try {
      const answers = await send(entries.map(({ input }) => input));
      for (const [index, entry] of entries.entries()) entry.outcome = { answer: answers[index] as AppendAnswer };
    } catch (fault) {
      for (const entry of entries) entry.outcome = { fault };
    } finally {
      const tookMs = elapsedMs(call.startedMs, performance.now(), LIMITS.callDeadlineMs);
      this.#typicalMs += (tookMs - this.#typicalMs) * NEWEST_SHARE;
    }
  }

  #take(call: Call): Entry[] {
    let bytes = 0;
    let count = 0;
    for (const { input } of this.waiting) {
      bytes += input.data.byteLength;
      if (count > 0 && bytes > CALL_BYTES) break;
      count++;
    }
    const entries = this.waiting.splice(0, count);
    for (const entry of entries) entry.call = call;
    return entries;
  }

  /** How long until it is worth while to look at the entry again. */
  lookAfterMs(entry: Entry, nowMs: number): number {
    const { call } = entry;
    const takesMs = this.#typicalMs * LATER_SHARE;
    const leftMs = call === null ? this.#turnAfterMs(nowMs) : waitLeftMs(call.startedMs, takesMs, nowMs);
    return Math.min(LOOK_AT_MOST_MS, Math.max(LOOK_EVERY_MS, Math.ceil(leftMs)));
  }

  /** When an entry that waits may lead a call; where somebody leads and the shard is near, when that call is likely done. */
  #turnAfterMs(nowMs: number): number {
    const led = this.#leaders > 0 && this.#typicalMs < this.#gapMs;
    return this.roomAfterMs(nowMs) + (led ? this.#typicalMs * LATER_SHARE : 0);
  }
}

/** Beyond so many, those that nobody waits in are forgotten: all they know is when the last call was. */
const LANES_MAX = 1_000;

const lanes = new Map<string, Lane>();

/**
 * Appends to the shard of this name, alone or together with others.
 * @param send makes one call to the shard: one answer an input, in order.
 * @throws what the call threw (all it carried see the same fault), or when no answer came within the call deadline.
 */
export async function appendJoined(shard: string, input: AppendInput, send: Send): Promise<AppendAnswer> {
  const lane = laneTo(shard);
  const entry: Entry = { input, call: null, outcome: null };
  lane.add(entry);
  // What was waited is added up wait by wait: the clock may be set meanwhile, and must neither end nor prolong this.
  let leftMs: number = LIMITS.callDeadlineMs;
  try {
    while (leftMs > 0) {
      if (entry.outcome !== null) return settle(entry.outcome);
      const nowMs = performance.now();
      if (entry.call !== null || lane.roomAfterMs(nowMs) > 0) {
        const plannedMs = Math.min(lane.lookAfterMs(entry, nowMs), leftMs);
        await scheduler.wait(plannedMs);
        leftMs -= plannedMs;
        continue;
      }
      const { first, all } = lane.lead(send);
      waitUntil(all);
      const isDone = await atMost(leftMs, first);
      leftMs = isDone ? leftMs - elapsedMs(nowMs, performance.now(), leftMs / 2) : 0;
    }
    if (entry.outcome !== null) return settle(entry.outcome);
    throw new Error("the shard did not answer in time");
  } finally {
    // Of a client that hung up nothing runs any more: its entry goes with the next call, as if it had not.
    if (entry.call === null) lane.waiting = lane.waiting.filter((other) => other !== entry);
  }
}

function laneTo(shard: string): Lane {
  let lane = lanes.get(shard);
  if (lane === undefined) {
    if (lanes.size >= LANES_MAX) for (const [name, { waiting }] of lanes) if (waiting.length === 0) lanes.delete(name);
    lane = new Lane();
    lanes.set(shard, lane);
  }
  return lane;
}

function settle(outcome: Outcome): AppendAnswer {
  if ("fault" in outcome) throw outcome.fault;
  return outcome.answer;
}

/** `call` never rejects. @returns whether it was done in time. */
async function atMost(ms: number, call: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const isDone = await Promise.race([call.then(() => true), deadline]);
  clearTimeout(timer);
  return isDone;
}
