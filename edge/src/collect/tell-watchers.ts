// Tells a project's watchers what became of a request's events. The shards' answers say whether anybody watches, so a request
// that nobody watches makes no additional call and builds no message.

import type { Env } from "../env.ts";
import { type LiveMessage, rejectedMessage, shownEvent } from "../live/message.ts";
import { publishSome } from "../live/publish.ts";
import type { ConsentedEvent, DropCounts, StorableEvent } from "./consent.ts";
import type { Judged, JudgedEvent } from "./judge.ts";
import type { RequestFacts } from "./wrap.ts";

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

/** Never fails, and never keeps the answer waiting. */
export function publishOutcome(outcome: RequestOutcome, watched: boolean, env: Env): void {
  if (watched) publishSome(outcome.facts.key.project, messageCount(outcome), eachMessage(outcome), env);
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
