// Reports counts that the shards do not see: events that were rejected, duplicated within a request, or dropped for lack of
// consent. The isolate gathers plain numbers (no request waits for another request's call), and sends them at most once a second
// for each project, after the answers. Each isolate reports to its own shard, so that no shard gets all reports. A count can be
// lost with its isolate, but no event is lost with the count. No count is sent twice. ADR 016.

import { waitUntil } from "cloudflare:workers";
import type { KeyRecord } from "@behaviour/contract";
import type { Env } from "../env.ts";
import type { LiveMessage } from "../live/message.ts";
import { publishMessages } from "../live/publish.ts";
import { log } from "../log.ts";
import { type Region, regionOf, shardName } from "../placement/shard-name.ts";
import { shardStub } from "../placement/stubs.ts";
import type { WorkerReport } from "../shard/append.ts";
import { messagesOf, publishOutcome, type RequestOutcome } from "./tell-watchers.ts";

const SEND_EVERY_MS = 1_000;
/** A leader that has not sent by then has ended with its request, and another request leads. */
const LEADER_GONE_AFTER_MS = 2 * SEND_EVERY_MS;
const MINUTE_MS = 60_000;
const PROJECTS_MAX = 1_000;
/** Messages that wait until a shard says whether there are watchers. Further messages are only counted. */
const WAITING_MAX = 100;

interface Counts {
  rejected: number;
  repeated: number;
  drops: Map<string, number>;
}

class Gathered {
  /** Counts by the minute of receipt, like the shards' counts. */
  readonly #minutes = new Map<number, Counts>();
  #messages: LiveMessage[] = [];
  #lost = 0;
  #nextSendMs = 0;
  #ledSinceMs: number | null = null;

  get isEmpty(): boolean {
    return this.#minutes.size === 0;
  }

  add({ facts, judged, dropped }: RequestOutcome, repeated: number): void {
    const minuteMs = Math.floor(facts.receivedAtMs / MINUTE_MS) * MINUTE_MS;
    const counts = this.#minutes.get(minuteMs) ?? { rejected: 0, repeated: 0, drops: new Map() };
    counts.rejected += judged.rejected.length;
    counts.repeated += repeated;
    for (const [reason, events] of dropped) counts.drops.set(reason, (counts.drops.get(reason) ?? 0) + events);
    this.#minutes.set(minuteMs, counts);
  }

  tellLater(outcome: RequestOutcome): void {
    const messages = messagesOf(outcome);
    const room = Math.max(0, WAITING_MAX - this.#messages.length);
    this.#messages.push(...messages.slice(0, room));
    this.#lost += Math.max(0, messages.length - room);
  }

  /** True for one request at a time: this request sends the counts of all requests. */
  lead(nowMs: number): boolean {
    if (this.#ledSinceMs !== null && Math.abs(nowMs - this.#ledSinceMs) < LEADER_GONE_AFTER_MS) return false;
    this.#ledSinceMs = nowMs;
    return true;
  }

  /** At most `SEND_EVERY_MS`, even if the clock was set. */
  waitMs(nowMs: number): number {
    return Math.max(0, Math.min(SEND_EVERY_MS, this.#nextSendMs - nowMs));
  }

  /** The next request may lead again. Taken counts are never put back: a shard may have counted a call that failed. */
  take(nowMs: number): { reports: WorkerReport[]; messages: LiveMessage[]; lost: number } {
    this.#nextSendMs = nowMs + SEND_EVERY_MS;
    this.#ledSinceMs = null;
    const reports = [...this.#minutes].map(([receivedAtMs, { rejected, repeated, drops }]) => ({
      receivedAtMs,
      rejected,
      repeated,
      drops: [...drops].map(([reason, events]) => ({ reason, events })),
    }));
    const taken = { reports, messages: this.#messages, lost: this.#lost };
    this.#minutes.clear();
    this.#messages = [];
    this.#lost = 0;
    return taken;
  }
}

const gatheredOf = new Map<string, Gathered>();

/** Never fails, and never delays the answer. */
export function reportOutcome(outcome: RequestOutcome, repeated: number, request: Request, env: Env): void {
  const { key } = outcome.facts;
  const gathered = gatheredFor(key.project);
  gathered.add(outcome, repeated);
  // A shard that answered for some of the events has said whether there are watchers.
  if (outcome.observed.answered) publishOutcome(outcome, outcome.observed.watched, env);
  else gathered.tellLater(outcome);
  if (gathered.lead(Date.now())) waitUntil(send(gathered, key, regionOf(request, env), env));
}

function gatheredFor(project: string): Gathered {
  let gathered = gatheredOf.get(project);
  if (gathered === undefined) {
    if (gatheredOf.size >= PROJECTS_MAX) {
      for (const [name, { isEmpty }] of gatheredOf) if (isEmpty) gatheredOf.delete(name);
      if (gatheredOf.size >= PROJECTS_MAX) gatheredOf.clear();
    }
    gathered = new Gathered();
    gatheredOf.set(project, gathered);
  }
  return gathered;
}

async function send(gathered: Gathered, key: KeyRecord, region: Region, env: Env): Promise<void> {
  const waitMs = gathered.waitMs(Date.now());
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  const { reports, messages, lost } = gathered.take(Date.now());
  try {
    const name = shardName(key.project, region.code, ownNumber() % Math.max(1, key.shards));
    let watched = false;
    for (const report of reports) watched = (await shardStub(env, name, region).report(report)).watched;
    if (watched && messages.length > 0) publishMessages(key.project, messages, env, lost);
  } catch (fault) {
    log("warn", "counts not reported", { fault });
  }
}

let isolateNumber: number | null = null;

/** Random, and constant for the life of the isolate. A module cannot get random numbers while it is loaded. */
function ownNumber(): number {
  isolateNumber ??= Math.floor(Math.random() * 2 ** 30);
  return isolateNumber;
}
