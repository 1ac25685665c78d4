// Requests of one isolate that append to the same shard shortly after another request share the next call. A call costs more than
// its content, and the content of one call becomes one row. A request that arrives when no call started recently does not wait.
// E2, ADR 007.
//
// A request may only wait for its own I/O: the runtime refuses a promise or response that was made in one request and settled in
// another ("Cannot perform I/O on behalf of a different request"). So the requests share plain state. A request that finds that a
// call may start becomes the leader and makes calls for all waiting requests. The followers poll their entries by timers of their
// own. `waitUntil` keeps the leader's calls alive after its answer, or after its client hung up. If a call is lost nevertheless,
// its followers wait until their deadline. They wait by `scheduler.wait`, which costs half as much as a timer like Node's.

import { waitUntil } from "cloudflare:workers";
import { ID_HASH_BYTES, LIMITS } from "@behaviour/contract";
import { elapsedMs, waitLeftMs } from "../clock.ts";
import type { AppendAnswer, AppendInput } from "../shard/append.ts";
import { commitGapMs, EventRate } from "../shard/pace.ts";

/**
 * How much longer the gap between the starts of two calls is than the shard's gap between commits at the same load. A call then
 * never arrives too early to be committed immediately. So calls take equally long, and a follower polls once.
 */
const LONGER_THAN_COMMITS_MS = 1;
/** Limit for the data of a call, which is in memory twice: in its members and in the message. */
const CALL_BYTES = 4 * 1024 * 1024;
/** After this many calls a leader hands over to a waiting request. */
const CALLS_IN_A_ROW = 32;

/** Minimum sleep of a follower, and the assumed duration of a call until a call was measured. */
const LOOK_EVERY_MS = 2;
/** Maximum sleep of a follower: a duration that was measured while the clock was set says nothing about the next call. */
const LOOK_AT_MOST_MS = 50;
/** Weight of the newest call in the moving average of call durations. */
const NEWEST_SHARE = 0.2;
/** Polling costs as much as judging an event: polling once, a little late, is better than polling twice. */
const LATER_SHARE = 1.1;

type Send = (inputs: AppendInput[]) => Promise<AppendAnswer[]>;
type Outcome = { answer: AppendAnswer } | { fault: unknown };

interface Call {
  startedMs: number;
}

interface Entry {
  input: AppendInput;
  /** The call that carries the entry; null while the entry waits. */
  call: Call | null;
  /** Set by the leader of that call. */
  outcome: Outcome | null;
}

/** The entries that wait for one shard, and the time at which the next call to it may start. */
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

  /** How long until another call may start. */
  roomAfterMs(nowMs: number): number {
    return waitLeftMs(this.#lastCallMs, this.#gapMs, nowMs);
  }

  /**
   * Sends the waiting entries, then repeatedly the entries that arrived meanwhile.
   * @returns a promise that settles with the first call, and a promise that settles when the lead ends. Neither promise rejects.
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
      // During a slow call another request may have become a leader too.
      if (this.roomAfterMs(performance.now()) > 0) break;
      await this.#callOnce(send);
    }
    this.#leaders--;
  }

  /** Settles each entry that it takes, even if the call fails. */
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

  /** How long to wait before polling the entry again. */
  lookAfterMs(entry: Entry, nowMs: number): number {
    const { call } = entry;
    const takesMs = this.#typicalMs * LATER_SHARE;
    const leftMs = call === null ? this.#turnAfterMs(nowMs) : waitLeftMs(call.startedMs, takesMs, nowMs);
    return Math.min(LOOK_AT_MOST_MS, Math.max(LOOK_EVERY_MS, Math.ceil(leftMs)));
  }

  /** How long until a waiting entry may lead a call. With a leader and a near shard: until the leader's call has likely ended. */
  #turnAfterMs(nowMs: number): number {
    const led = this.#leaders > 0 && this.#typicalMs < this.#gapMs;
    return this.roomAfterMs(nowMs) + (led ? this.#typicalMs * LATER_SHARE : 0);
  }
}

/** Above this many lanes, lanes without a waiting entry are evicted. They only hold the times of past calls. */
const LANES_MAX = 1_000;

const lanes = new Map<string, Lane>();

/**
 * Appends to the shard of this name, alone or together with other requests.
 * @param send makes one call to the shard, with one answer per input, in order.
 * @throws the fault of the call (all its entries get the same fault), or an error if no answer arrived within the call deadline.
 */
export async function appendJoined(shard: string, input: AppendInput, send: Send): Promise<AppendAnswer> {
  const lane = laneTo(shard);
  const entry: Entry = { input, call: null, outcome: null };
  lane.add(entry);
  // The waits are subtracted one by one: the clock may be set meanwhile, and must neither shorten nor prolong the deadline.
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
    // After its client hung up, no code of a request runs any more: its entry is sent with the next call nevertheless.
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

/** `call` never rejects. @returns whether the call ended in time. */
async function atMost(ms: number, call: Promise<void>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const isDone = await Promise.race([call.then(() => true), deadline]);
  clearTimeout(timer);
  return isDone;
}
