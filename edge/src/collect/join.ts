// Requests of one isolate that append to the same shard while calls to it are under way share the next call: a call costs
// more than what it carries. Nobody waits when few are under way. DESIGN E2.
//
// Every request may only wait for I/O of its own: a promise or response made in one request and settled in another is
// refused by the runtime ("Cannot perform I/O on behalf of a different request"). So what is shared is plain state: whoever
// finds room leads a call for all that wait, the others look at their entry by timers of their own. The leader's call lives on
// by `waitUntil` when its client hangs up; one that is lost all the same leaves its followers to their deadline.

import { waitUntil } from "cloudflare:workers";
import { LIMITS } from "@behaviour/contract";
import type { AppendAnswer, AppendInput } from "../shard/shard.ts";

/** Fewer calls carry more each; with a second one the next is on its way while the shard commits the first. */
const CALLS_UNDER_WAY = 2;
const LOOK_EVERY_MS = 2;
/** A call holds what its members hold twice: as they are and as the message. */
const CALL_BYTES = 4 * 1024 * 1024;

type Outcome = { answer: AppendAnswer } | { fault: unknown };

interface Entry {
  input: AppendInput;
  taken: boolean;
  /** Set by whoever leads the call the entry went with. */
  outcome: Outcome | null;
}

/** What waits for one shard, and the calls to it that are under way. */
class Lane {
  waiting: Entry[] = [];
  /** When each was begun, epoch milliseconds. One whose leader was lost counts no longer than its deadline. */
  #calls: { startedMs: number }[] = [];

  hasRoom(nowMs: number): boolean {
    this.#calls = this.#calls.filter(({ startedMs }) => nowMs - startedMs < LIMITS.callDeadlineMs);
    return this.#calls.length < CALLS_UNDER_WAY;
  }

  get isIdle(): boolean {
    return this.waiting.length === 0 && this.#calls.length === 0;
  }

  /** Takes what waits, oldest first, and settles each entry, whatever happens. */
  async lead(nowMs: number, send: (inputs: AppendInput[]) => Promise<AppendAnswer[]>): Promise<void> {
    const entries = this.#take();
    const call = { startedMs: nowMs };
    this.#calls.push(call);
    try {
      const answers = await send(entries.map(({ input }) => input));
      for (const [index, entry] of entries.entries()) entry.outcome = { answer: answers[index] as AppendAnswer };
    } catch (fault) {
      for (const entry of entries) entry.outcome = { fault };
    } finally {
      this.#calls = this.#calls.filter((other) => other !== call);
    }
  }

  #take(): Entry[] {
    let bytes = 0;
    let count = 0;
    for (const { input } of this.waiting) {
      bytes += input.data.byteLength;
      if (count > 0 && bytes > CALL_BYTES) break;
      count++;
    }
    const entries = this.waiting.splice(0, count);
    for (const entry of entries) entry.taken = true;
    return entries;
  }
}

const lanes = new Map<string, Lane>();

/**
 * Appends to the shard of this name, alone or together with others.
 * @param send makes one call to the shard: one answer an input, in order.
 * @throws what the call threw (all it carried see the same fault), or when no answer came within the call deadline.
 */
export async function appendJoined(
  shard: string,
  input: AppendInput,
  send: (inputs: AppendInput[]) => Promise<AppendAnswer[]>,
): Promise<AppendAnswer> {
  const lane = lanes.get(shard) ?? new Lane();
  lanes.set(shard, lane);
  const entry: Entry = { input, taken: false, outcome: null };
  lane.waiting.push(entry);
  const deadlineMs = Date.now() + LIMITS.callDeadlineMs;
  try {
    for (let nowMs = Date.now(); nowMs < deadlineMs; nowMs = Date.now()) {
      if (entry.outcome !== null) return settle(entry.outcome);
      if (entry.taken || !lane.hasRoom(nowMs)) {
        await sleep(LOOK_EVERY_MS);
        continue;
      }
      const call = lane.lead(nowMs, send);
      waitUntil(call);
      await atMost(deadlineMs - nowMs, call);
    }
    throw new Error("the shard did not answer in time");
  } finally {
    // Of a client that hung up nothing runs any more: its entry goes with the next call, as if it had not.
    if (!entry.taken) lane.waiting = lane.waiting.filter((other) => other !== entry);
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
