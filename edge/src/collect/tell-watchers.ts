// Publishes the outcomes of a request's events to the watchers of the project's live tail. The shards' answers say whether there
// are watchers, so a request without watchers makes no additional call and builds no message.

import type { Env } from "../env.ts";
import { type LiveMessage, rejectedMessage, shownEvent } from "../live/message.ts";
import { publishSome } from "../live/publish.ts";
import type { ConsentedEvent, DropCounts, StorableEvent } from "./consent.ts";
import type { Judged, JudgedEvent } from "./judge.ts";
import type { RequestFacts } from "./wrap.ts";

/** The shards' answers on a request's events. Events that have no watcher are not kept. */
export class Observed {
  /** A shard has answered, and has said whether there are watchers. */
  answered = false;
  watched = false;
  readonly accepted: StorableEvent[] = [];
  readonly duplicates: ConsentedEvent[] = [];

  /** @param watched the shard's answer says that there are watchers. */
  noteAccepted(watched: boolean, events: readonly StorableEvent[]): void {
    this.#note(watched);
    if (watched) this.accepted.push(...events);
  }

  /** @param duplicates the duplicates among the events that the shard answered for. */
  noteDuplicates(watched: boolean, duplicates: readonly ConsentedEvent[]): void {
    this.#note(watched);
    if (watched) this.duplicates.push(...duplicates);
  }

  #note(watched: boolean): void {
    this.answered = true;
    if (watched) this.watched = true;
  }
}

/** The outcome of a request's events. */
export interface RequestOutcome {
  facts: RequestFacts;
  judged: Judged;
  /** The judged events without duplicates within the same request. */
  distinct: readonly JudgedEvent[];
  observed: Observed;
  dropped: DropCounts;
}

/** Never fails, and never delays the answer. */
export function publishOutcome(outcome: RequestOutcome, watched: boolean, env: Env): void {
  if (watched) publishSome(outcome.facts.key.project, messageCount(outcome), eachMessage(outcome), env);
}

export function messagesOf(outcome: RequestOutcome): LiveMessage[] {
  return [...eachMessage(outcome)];
}

/** The number of messages that `eachMessage` yields. */
function messageCount(outcome: RequestOutcome): number {
  const { judged, observed, dropped } = outcome;
  let count =
    observed.accepted.length + observed.duplicates.length + repeatsOf(outcome).length + judged.rejected.length;
  for (const events of dropped.values()) count += events;
  return count;
}

/** One message per event. For an event that consent dropped or that was not stored, only ids and codes are shown. */
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

/** Duplicates within the request of events that were stored: nothing may be shown of an event that consent dropped. */
function repeatsOf({ judged, distinct, observed }: RequestOutcome): JudgedEvent[] {
  if (judged.events.length === distinct.length) return [];
  const first = new Set(distinct);
  const stored = new Set([...observed.accepted, ...observed.duplicates].map(({ messageId }) => messageId));
  return judged.events.filter((event) => !first.has(event) && stored.has(event.messageId));
}
