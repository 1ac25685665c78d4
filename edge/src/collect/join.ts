// Requests of one isolate that append to the same shard while calls to it are under way share the next call: a call costs
// more than what it carries. Nobody waits when few are under way. DESIGN E2.
//
// Every request may only wait for I/O of its own: a promise or response made in one request and settled in another is
// refused by the runtime ("Cannot perform I/O on behalf of a different request"). So what is shared is plain state: whoever
// finds room leads calls for all that wait, the others look at their entry by timers of their own. The leader's calls live on
// by `waitUntil` when it was answered or its client hung up; one that is lost all the same leaves its followers to their
// deadline.

import { waitUntil } from "cloudflare:workers";
import { LIMITS } from "@behaviour/contract";
import type { AppendAnswer, AppendInput } from "../shard/shard.ts";

/**
 * Beside calls under way another is begun once the youngest is this old: a shard nearby answers sooner, so one call at a time
 * carries all that came meanwhile, and one far away keeps nobody waiting for longer.
 */
const CALL_GAP_MS = 8;
/** A call holds what its members hold twice: as they are and as the message. */
const CALL_BYTES = 4 * 1024 * 1024;
/** After so many calls for others a leader leaves the lead to one of those that wait. */
const CALLS_IN_A_ROW = 32;

/** The least a follower sleeps, and what it takes a call for until it has seen one. */
const LOOK_EVERY_MS = 2;
/** Of a new call's duration in the average; a follower should rather look once too often than sleep through. */
const NEWEST_SHARE = 0.2;

type Send = (inputs: AppendInput[]) => Promise<AppendAnswer[]>;
type Outcome = { answer: AppendAnswer } | { fault: unknown };

interface Call {
  /** Epoch milliseconds. */
  startedMs: number;
}

interface Entry {
  input: AppendInput;
  /** The call it went with. */
  call: Call | null;
  /** Set by whoever leads that call. */
  outcome: Outcome | null;
}

/** What waits for one shard, and the calls to it that are under way. */
class Lane {
  waiting: Entry[] = [];
  #calls: Call[] = [];
  #typicalMs = LOOK_EVERY_MS;

  /** A call whose leader was lost takes room no longer than until its deadline. */
  hasRoom(nowMs: number): boolean {
    this.#calls = this.#calls.filter(({ startedMs }) => nowMs - startedMs < LIMITS.callDeadlineMs);
    const youngest = this.#calls.at(-1);
    return youngest === undefined || nowMs - youngest.startedMs >= CALL_GAP_MS;
  }

  get isIdle(): boolean {
    return this.waiting.length === 0 && this.#calls.length === 0;
  }

  /**
   * Sends what waits; then, while others wait, what came meanwhile.
   * @returns what settles with the first call, and what settles when the lead is over. Neither rejects.
   */
  lead(send: Send): { first: Promise<void>; all: Promise<void> } {
    const first = this.#callOnce(send);
    return { first, all: first.then(() => this.#leadOn(send)) };
  }

  async #leadOn(send: Send): Promise<void> {
    for (let count = 1; count < CALLS_IN_A_ROW && this.waiting.length > 0; count++) await this.#callOnce(send);
  }

  /** Settles each entry it takes, whatever happens. */
  async #callOnce(send: Send): Promise<void> {
    const call: Call = { startedMs: Date.now() };
    const entries = this.#take(call);
    this.#calls.push(call);
    try {
      const answers = await send(entries.map(({ input }) => input));
      for (const [index, entry] of entries.entries()) entry.outcome = { answer: answers[index] as AppendAnswer };
    } catch (fault) {
      for (const entry of entries) entry.outcome = { fault };
    } finally {
      this.#calls = this.#calls.filter((other) => other !== call);
      this.#typicalMs += (Date.now() - call.startedMs - this.#typicalMs) * NEWEST_SHARE;
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
    const expectedMs = call === null ? this.#nextTurnMs(nowMs) : call.startedMs + this.#typicalMs;
    return Math.max(LOOK_EVERY_MS, Math.floor(expectedMs - nowMs));
  }

  /** When an entry that waits may lead a call, or one that took it along is likely done. */
  #nextTurnMs(nowMs: number): number {
    const oldestMs = this.#calls[0]?.startedMs ?? nowMs;
    const youngestMs = this.#calls.at(-1)?.startedMs ?? nowMs;
    return Math.min(oldestMs + 2 * this.#typicalMs, youngestMs + CALL_GAP_MS);
  }
}

const lanes = new Map<string, Lane>();

/**
 * Appends to the shard of this name, alone or together with others.
 * @param send makes one call to the shard: one answer an input, in order.
 * @throws what the call threw (all it carried see the same fault), or when no answer came within the call deadline.
 */
export async function appendJoined(shard: string, input: AppendInput, send: Send): Promise<AppendAnswer> {
  const lane = lanes.get(shard) ?? new Lane();
  lanes.set(shard, lane);
  const entry: Entry = { input, call: null, outcome: null };
  lane.waiting.push(entry);
  const deadlineMs = Date.now() + LIMITS.callDeadlineMs;
  try {
    for (let nowMs = Date.now(); nowMs < deadlineMs; nowMs = Date.now()) {
      if (entry.outcome !== null) return settle(entry.outcome);
      if (entry.call !== null || !lane.hasRoom(nowMs)) {
        await sleep(Math.min(lane.lookAfterMs(entry, nowMs), deadlineMs - nowMs));
        continue;
      }
      const { first, all } = lane.lead(send);
      waitUntil(all);
      await atMost(deadlineMs - nowMs, first);
    }
    throw new Error("the shard did not answer in time");
  } finally {
    // Of a client that hung up nothing runs any more: its entry goes with the next call, as if it had not.
    if (entry.call === null) lane.waiting = lane.waiting.filter((other) => other !== entry);
    if (lane.isIdle && lanes.get(shard) === lane) lanes.delete(shard);
  }
}

function settle(outcome: Outcome): AppendAnswer {
  if ("fault" in outcome) throw outcome.fault;
  return outcome.answer;
}

/** `call` never rejects. */
async function atMost(ms: number, call: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([call, deadline]);
  clearTimeout(timer);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
