// The Worker's end of the live tail: tells a project's watchers what became of a request's events, after the answer. Whether
// anybody watches comes with what the shards answer anyway, so a request that nobody watches makes no call more and builds no
// message.

import { waitUntil } from "cloudflare:workers";
import type { ConsentedEvent, DropCounts, StorableEvent } from "../collect/consent.ts";
import type { Judged, JudgedEvent } from "../collect/judge.ts";
import type { RequestFacts } from "../collect/wrap.ts";
import type { Env } from "../env.ts";
import { faultText } from "../fault-text.ts";
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

/** Beyond it messages are counted instead of sent: a tail that is slower than its project must not hold the Worker's memory. */
const PUBLISHES_UNDER_WAY = 16;
const PROJECTS_MAX = 1_000;

/** Plain state of the isolate: no request waits for another's call. */
interface Channel {
  underWay: number;
  /** Messages left out since the last that went. */
  lost: number;
}

const channels = new Map<string, Channel>();

function channelOf(project: string): Channel {
  let channel = channels.get(project);
  if (channel === undefined) {
    if (channels.size >= PROJECTS_MAX) channels.clear();
    channel = { underWay: 0, lost: 0 };
    channels.set(project, channel);
  }
  return channel;
}

/** Never fails, and never keeps the answer waiting. */
export function publishOutcome(outcome: RequestOutcome, watched: boolean, env: Env): void {
  if (watched) publishMessages(outcome.facts.key.project, messagesOf(outcome), env);
}

/**
 * To a project that is watched. Never fails, and never keeps the answer waiting.
 * @param alreadyLost messages that were left out before.
 */
export function publishMessages(project: string, messages: readonly LiveMessage[], env: Env, alreadyLost = 0): void {
  const channel = channelOf(project);
  channel.lost += alreadyLost;
  if (channel.underWay >= PUBLISHES_UNDER_WAY) {
    channel.lost += messages.length;
    return;
  }
  const { lost } = channel;
  channel.lost = 0;
  channel.underWay++;
  waitUntil(send(project, channel, env, messages, lost));
}

async function send(
  project: string,
  channel: Channel,
  env: Env,
  messages: readonly LiveMessage[],
  lost: number,
): Promise<void> {
  try {
    const texts = messages.map((message) => JSON.stringify(message));
    await env.LIVE.get(env.LIVE.idFromName(project)).publish(texts, lost);
  } catch (fault) {
    channel.lost += messages.length + lost;
    console.warn(JSON.stringify({ level: "warn", message: "live tail does not answer", fault: faultText(fault) }));
  } finally {
    channel.underWay--;
  }
}

/** One message an event. Of an event that consent dropped, and of what was not stored, nothing is shown but ids and codes. */
export function messagesOf(outcome: RequestOutcome): LiveMessage[] {
  const { facts, judged, observed, dropped } = outcome;
  const at = new Date(facts.receivedAtMs).toISOString();
  const messages: LiveMessage[] = [];
  for (const { event, messageId, timeMs, consent } of observed.accepted) {
    const shown = { ...shownEvent(event, facts.defaultType), messageId, timestamp: new Date(timeMs).toISOString() };
    messages.push({ type: "event", at, outcome: "accepted", consent, event: { ...shown, receivedAt: at } });
  }
  for (const { event, messageId } of [...observed.duplicates, ...repeatsOf(outcome)]) {
    const { type } = shownEvent(event, facts.defaultType);
    messages.push({ type: "event", at, outcome: "duplicate", event: { messageId, type } });
  }
  for (const [code, events] of dropped) {
    for (let i = 0; i < events; i++) messages.push({ type: "event", at, outcome: "suppressed", code });
  }
  for (const rejection of judged.rejected) messages.push(rejectedMessage(at, rejection));
  return messages;
}

/** Repeats within the request, of events that were stored: of one that consent dropped nothing may be told. */
function repeatsOf({ judged, distinct, observed }: RequestOutcome): JudgedEvent[] {
  if (judged.events.length === distinct.length) return [];
  const first = new Set(distinct);
  const stored = new Set([...observed.accepted, ...observed.duplicates].map(({ messageId }) => messageId));
  return judged.events.filter((event) => !first.has(event) && stored.has(event.messageId));
}
