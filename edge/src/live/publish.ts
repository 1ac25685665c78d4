// The Worker's end of the live tail: tells a project's watchers what became of a request's events, after the answer. Whether
// anybody watches comes with what the shards answer anyway, so a request that nobody watches makes no call more and builds no
// message.

import { waitUntil } from "cloudflare:workers";
import type { ConsentedEvent, DropCounts, StorableEvent } from "../collect/consent.ts";
import type { Judged, JudgedEvent } from "../collect/judge.ts";
import type { RequestFacts } from "../collect/wrap.ts";
import type { Env } from "../env.ts";
import { faultText } from "../fault-text.ts";
import { Channel } from "./channel.ts";
import { type LiveMessage, rejectedMessage, shownEvent } from "./message.ts";

/** What the shards said of a request's events; what nobody watches is not kept. */
export class Observed {
  /** A shard answered, and so said whether anybody watches. */
  answered = false;
  watched = false;
  readonly accepted: StorableEvent[] = [];
  readonly duplicates: ConsentedEvent[] = [];

  /** @param watched as the shard's answer says. */
  noteAccepted(watched: boolean, events: readonly StorableEvent[]): void {
    this.#note(watched);
    if (watched) this.accepted.push(...events);
  }

  /** @param duplicates of the events that the shard answered for. */
  noteDuplicates(watched: boolean, duplicates: readonly ConsentedEvent[]): void {
    this.#note(watched);
    if (watched) this.duplicates.push(...duplicates);
  }

  #note(watched: boolean): void {
    this.answered = true;
    if (watched) this.watched = true;
  }
}

/** What a request's events became. */
export interface RequestOutcome {
  facts: RequestFacts;
  judged: Judged;
  /** Those of the judged events that are no repeats of another in the same request. */
  distinct: readonly JudgedEvent[];
  observed: Observed;
  dropped: DropCounts;
}

const PROJECTS_MAX = 1_000;
/** Of one request's `waitUntil`, which ends half a minute after its answer. What waits then goes with the next request. */
const LEAD_MAX_MS = 10_000;

const channels = new Map<string, Channel>();

function channelOf(project: string): Channel {
  let channel = channels.get(project);
  if (channel === undefined) {
    if (channels.size >= PROJECTS_MAX) channels.clear();
    channel = new Channel();
    channels.set(project, channel);
  }
  return channel;
}

/** Never fails, and never keeps the answer waiting. What the tail has no room for is not even built. */
export function publishOutcome(outcome: RequestOutcome, watched: boolean, env: Env): void {
  if (!watched) return;
  const { project } = outcome.facts.key;
  const channel = channelOf(project);
  const admitted = channel.admit(messageCount(outcome), Date.now());
  const messages = eachMessage(outcome);
  for (let told = 0; told < admitted; told++) channel.add(JSON.stringify(messages.next().value));
  lead(project, channel, env);
}

/**
 * To a project that is watched. Never fails, and never keeps the answer waiting.
 * @param alreadyLost messages that were left out before.
 */
export function publishMessages(project: string, messages: readonly LiveMessage[], env: Env, alreadyLost = 0): void {
  const channel = channelOf(project);
  channel.lose(alreadyLost);
  const admitted = channel.admit(messages.length, Date.now());
  for (const message of messages.slice(0, admitted)) channel.add(JSON.stringify(message));
  lead(project, channel, env);
}

function lead(project: string, channel: Channel, env: Env): void {
  if (channel.hasMore && channel.lead(Date.now())) waitUntil(send(project, channel, env));
}

async function send(project: string, channel: Channel, env: Env): Promise<void> {
  const untilMs = Date.now() + LEAD_MAX_MS;
  try {
    for (;;) {
      const { texts, lost } = channel.take(Date.now());
      try {
        channel.hear(await env.LIVE.get(env.LIVE.idFromName(project)).publish(texts, lost, ownName()));
      } catch (fault) {
        channel.lose(texts.length + lost);
        throw fault;
      }
      await new Promise((resolve) => setTimeout(resolve, channel.gapMs));
      if (!channel.hasMore || Date.now() >= untilMs) return;
    }
  } catch (fault) {
    console.warn(JSON.stringify({ level: "warn", message: "live tail does not answer", fault: faultText(fault) }));
  } finally {
    channel.end();
  }
}

let name: string | null = null;

/** By which a tail tells isolates apart. A module may not draw it while it is loaded. */
function ownName(): string {
  name ??= crypto.randomUUID();
  return name;
}

export function messagesOf(outcome: RequestOutcome): LiveMessage[] {
  return [...eachMessage(outcome)];
}

/** As many as `eachMessage` gives. */
function messageCount(outcome: RequestOutcome): number {
  const { judged, observed, dropped } = outcome;
  let count =
    observed.accepted.length + observed.duplicates.length + repeatsOf(outcome).length + judged.rejected.length;
  for (const events of dropped.values()) count += events;
  return count;
}

/** One message an event. Of an event that consent dropped, and of what was not stored, nothing is shown but ids and codes. */
function* eachMessage(outcome: RequestOutcome): Generator<LiveMessage, undefined> {
  const { facts, judged, observed, dropped } = outcome;
  const at = new Date(facts.receivedAtMs).toISOString();
  for (const { event, messageId, timeMs, consent } of observed.accepted) {
    const shown = { ...shownEvent(event, facts.defaultType), messageId, timestamp: new Date(timeMs).toISOString() };
    yield { type: "event", at, outcome: "accepted", consent, event: { ...shown, receivedAt: at } };
  }
  for (const { event, messageId } of [...observed.duplicates, ...repeatsOf(outcome)]) {
    const { type } = shownEvent(event, facts.defaultType);
    yield { type: "event", at, outcome: "duplicate", event: { messageId, type } };
  }
  for (const [code, events] of dropped) {
    for (let i = 0; i < events; i++) yield { type: "event", at, outcome: "suppressed", code };
  }
  for (const rejection of judged.rejected) yield rejectedMessage(at, rejection);
}

/** Repeats within the request, of events that were stored: of one that consent dropped nothing may be told. */
function repeatsOf({ judged, distinct, observed }: RequestOutcome): JudgedEvent[] {
  if (judged.events.length === distinct.length) return [];
  const first = new Set(distinct);
  const stored = new Set([...observed.accepted, ...observed.duplicates].map(({ messageId }) => messageId));
  return judged.events.filter((event) => !first.has(event) && stored.has(event.messageId));
}
