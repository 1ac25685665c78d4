// Stores the packed events durably in their shards, in parallel. The answer is all or nothing: 200 only if every part is stored.
// A part that was stored while another part failed is a duplicate when the client retries. E1, E2.

import { LIMITS } from "@behaviour/contract";
import { noteRevoked } from "../access/keyring.ts";
import { Refusal } from "../answer/refusal.ts";
import { dailySalt, keptFindings, makeCookieless } from "../consent/cookieless.ts";
import { outcomeOf } from "../consent/table.ts";
import type { Env } from "../env.ts";
import { ledgerIdsOf } from "../ledger/record-consent.ts";
import { log } from "../log.ts";
import { type Region, regionOf, shardName } from "../placement/shard-name.ts";
import { shardStub } from "../placement/stubs.ts";
import type { AppendAnswer, AppendInput } from "../shard/append.ts";
import type { ConsentChange } from "../shard/consent-claim.ts";
import { type Consented, type ConsentedEvent, countDrop, type StorableEvent } from "./consent.ts";
import { isDense } from "./density.ts";
import { appendJoined } from "./join.ts";
import { learnState } from "./likely-state.ts";
import type { ParsedBody } from "./parse.ts";
import { sendAppends } from "./send-appends.ts";
import { groupByShard, shardsOf } from "./spread.ts";
import { namedIds } from "./subjects.ts";
import { Observed } from "./tell-watchers.ts";
import { ask, claimOf, type Packed, type Question, type RequestFacts, wrap } from "./wrap.ts";

export interface Appended {
  accepted: number;
  duplicates: number;
}

/** Each attempt knows more of duplicates and of the ledger. A duplicate or a change of consent can come between two attempts. */
const MAX_TRIES = 5;
const OVERLOADED_RETRY_SECONDS = 2;
const FULL_RETRY_SECONDS = 30;

/** Shards whose project's ledger is in use: their calls carry the ids of events. Learnt from the shards' own answers. */
const withLedger = new Map<string, { withLegacy: boolean }>();
const WITH_LEDGER_MAX = 10_000;

const NOTHING: Appended = { accepted: 0, duplicates: 0 };
const NO_DATA = { data: new Uint8Array(0), compressed: false };

export class Appender {
  /** The outcomes of the events, for the live tail. */
  readonly observed = new Observed();
  readonly #facts: RequestFacts;
  readonly #parsed: ParsedBody;
  readonly #consented: Consented;
  readonly #request: Request;
  readonly #env: Env;
  readonly #region: Region;
  #calls = 0;

  constructor(facts: RequestFacts, parsed: ParsedBody, consented: Consented, request: Request, env: Env) {
    this.#facts = facts;
    this.#parsed = parsed;
    this.#consented = consented;
    this.#request = request;
    this.#env = env;
    this.#region = regionOf(request, env);
  }

  /**
   * Stores every event that consent allows, once. An event that consent forbids is counted among the drops of `consented`.
   * @param asSent every event of the body is stored as it is, so the body may be stored as the bytes that were sent.
   */
  async append(asSent: boolean): Promise<Appended | Refusal> {
    const { events } = this.#consented;
    const groups = groupByShard(events, shardsOf(this.#facts.key));
    const whole = groups.size === 1 && asSent;
    this.#parsed.isDense = isDense(this.#parsed.sent.bytes ?? NO_DATA.data);
    const calls = [...groups].map(([index, group]) => this.#appendGroup(group, index, whole, 0));
    // The events are packed by now. A shard may take seconds, and the data that is no longer needed would be a third of what the
    // isolate holds of a body.
    release(this.#parsed);
    return all(calls);
  }

  /**
   * Appends the events of one shard. For events that the ledger would likely drop, the shard is asked first. Cookieless events
   * are sent separately, without the data of their request that leads to the device.
   */
  async #appendGroup(
    events: readonly ConsentedEvent[],
    index: number,
    asSent: boolean,
    tries: number,
  ): Promise<Appended | Refusal> {
    if (events.length === 0) return NOTHING;
    if (tries === MAX_TRIES) return new Refusal("overloaded", { retryAfterSeconds: OVERLOADED_RETRY_SECONDS });
    if (events.every(isPlain)) {
      return this.#appendPacked(wrap(events, this.#facts, this.#parsed, asSent), index, tries);
    }
    const cookieless = events.filter(isStorable).filter(({ consent }) => consent === "cookieless");
    const asked = events.filter((event) => !isStorable(event));
    return sum(
      await Promise.all([
        this.#appendGroup(events.filter(isPlain), index, false, tries),
        this.#appendCookieless(cookieless, index, tries),
        this.#ask(asked, index, asSent && asked.length === events.length, tries),
      ]),
    );
  }

  async #ask(
    events: readonly ConsentedEvent[],
    index: number,
    asSent: boolean,
    tries: number,
  ): Promise<Appended | Refusal> {
    return events.length === 0 ? NOTHING : this.#appendPart(ask(events), index, asSent, tries);
  }

  async #appendCookieless(events: readonly StorableEvent[], index: number, tries: number): Promise<Appended | Refusal> {
    if (events.length === 0) return NOTHING;
    return this.#appendPacked(wrap(await this.#stripped(events), this.#facts, this.#parsed, false), index, tries);
  }

  async #stripped(events: readonly StorableEvent[]): Promise<StorableEvent[]> {
    const { receivedAtMs, defaultType, key } = this.#facts;
    const salt = await dailySalt(this.#env, receivedAtMs);
    const visitor = {
      project: key.project,
      address: this.#request.headers.get("CF-Connecting-IP") ?? "",
      userAgent: this.#request.headers.get("User-Agent") ?? "",
    };
    return events.map((whole) => {
      const { pii, ...judged } = whole;
      const { event } = whole;
      return {
        ...judged,
        isOrdinary: false,
        whole,
        ids: namedIds(event),
        event: makeCookieless({ ...event, type: event.type ?? defaultType }, visitor, salt),
        ...(pii === undefined ? {} : { pii: keptFindings(pii) }),
      };
    });
  }

  async #appendPacked(packed: readonly Packed[], index: number, tries: number): Promise<Appended | Refusal> {
    return all(packed.map((part) => this.#appendPart(part, index, false, tries)));
  }

  async #appendPart(
    part: Packed | Question,
    index: number,
    asSent: boolean,
    tries: number,
  ): Promise<Appended | Refusal> {
    const answer = await this.#callShard(part, index);
    if (answer instanceof Refusal) return answer;
    if (answer.outcome === "refused") {
      if (answer.code === "invalid_api_key") noteRevoked(this.#facts.key, Date.now());
      return refusalOf(answer);
    }
    if (answer.outcome === "stored") {
      if (!("data" in part)) throw new Error("a shard stored what it was only asked about");
      this.observed.noteAccepted(answer.watched, part.events);
      return { accepted: part.events.length, duplicates: 0 };
    }
    const known = answer.duplicates.map((place) => part.events[place] as ConsentedEvent);
    this.observed.noteDuplicates(answer.watched, known);
    const left = this.#without(part.events, answer.duplicates, answer.changes);
    const again = await this.#appendGroup(left, index, asSent && left.length === part.events.length, tries + 1);
    return sum([{ accepted: 0, duplicates: answer.duplicates.length }, again]);
  }

  /** The events that remain after the shard has reported the duplicates, and the changes that its ledger requires. */
  #without(
    events: readonly ConsentedEvent[],
    duplicates: readonly number[],
    changes: readonly ConsentChange[],
  ): ConsentedEvent[] {
    const known = new Set(duplicates);
    const states = new Map(changes.map(({ index, state }) => [index, state]));
    const { key, receivedAtMs } = this.#facts;
    const left: ConsentedEvent[] = [];
    for (const [index, packed] of events.entries()) {
      const event = wholeOf(packed);
      const state = states.get(index);
      if (state !== undefined) learnState(key.project, event.ids ?? event.event, state, receivedAtMs);
      if (known.has(index)) continue;
      const outcome = state === undefined ? event.consent : outcomeOf(event.table.codes[state] as number);
      if (outcome === "drop" && state !== undefined) countDrop(this.#consented, event.table, state);
      else {
        event.consent = outcome;
        left.push(event);
      }
    }
    return left;
  }

  async #callShard(part: Packed | Question, index: number): Promise<AppendAnswer | Refusal> {
    if (++this.#calls > LIMITS.shardCallsPerRequest) {
      return new Refusal("overloaded", { retryAfterSeconds: OVERLOADED_RETRY_SECONDS });
    }
    const { oldestMs, events } = part;
    const { data, compressed } = "data" in part ? part : NO_DATA;
    const { key } = this.#facts;
    const name = shardName(key.project, this.#region.code, index);
    const needs = withLedger.get(name);
    const ids = needs === undefined ? null : ledgerIdsOf(key.project, this.#env);
    if (ids instanceof Refusal) return ids;
    const claim = claimOf(events, ids === null ? null : { ids, withLegacy: needs?.withLegacy ?? false });
    const rate = { keyId: key.id, eventsPerSecond: key.rateLimit, shards: Math.max(1, key.shards) };
    const { receivedAtMs } = this.#facts;
    const input: AppendInput = { ids: part.ids, oldestMs, data, compressed, receivedAtMs, claim, rate };
    const stub = () => shardStub(this.#env, name, this.#region);
    const send = (inputs: AppendInput[]) => sendAppends(name, stub, inputs);
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await appendJoined(name, input, send);
        if (answer.outcome === "again" && answer.needsSubjects) remember(name, answer.needsLegacy ?? false);
        return answer;
      } catch (fault) {
        const { retryable, overloaded } = fault as { retryable?: boolean; overloaded?: boolean };
        if (retryable === true && overloaded !== true && attempt === 0) continue;
        log("error", "shard does not answer", { overloaded, fault });
        return new Refusal(overloaded === true ? "overloaded" : "unavailable", {
          retryAfterSeconds: OVERLOADED_RETRY_SECONDS,
        });
      }
    }
  }
}

/** Releases the body's memory, except for the texts of ordinary events, which have no other form. */
function release(parsed: ParsedBody): void {
  parsed.sent.bytes = null;
  if (parsed.skimmed !== null) return;
  parsed.text = "";
  parsed.sent.text = "";
}

function isStorable(event: ConsentedEvent): event is StorableEvent {
  return event.consent !== "drop";
}

function isPlain(event: ConsentedEvent): event is StorableEvent {
  return isStorable(event) && event.consent !== "cookieless";
}

function wholeOf(event: ConsentedEvent | StorableEvent): ConsentedEvent {
  return "whole" in event && event.whole !== undefined ? event.whole : event;
}

function refusalOf(answer: Extract<AppendAnswer, { outcome: "refused" }>): Refusal {
  if (answer.code === "storage_full") return new Refusal("storage_full", { retryAfterSeconds: FULL_RETRY_SECONDS });
  return new Refusal(answer.code, { retryAfterSeconds: answer.retryAfterSeconds ?? OVERLOADED_RETRY_SECONDS });
}

/** Almost every request has only one call. */
async function all(calls: readonly Promise<Appended | Refusal>[]): Promise<Appended | Refusal> {
  return calls.length === 1 ? (calls[0] as Promise<Appended | Refusal>) : sum(await Promise.all(calls));
}

/** @returns the first refusal, if there is a refusal: no event is then acknowledged, even if other parts were stored. */
function sum(answers: readonly (Appended | Refusal)[]): Appended | Refusal {
  const total: Appended = { accepted: 0, duplicates: 0 };
  for (const answer of answers) {
    if (answer instanceof Refusal) return answer;
    total.accepted += answer.accepted;
    total.duplicates += answer.duplicates;
  }
  return total;
}

function remember(name: string, withLegacy: boolean): void {
  if (withLedger.size >= WITH_LEDGER_MAX) withLedger.clear();
  withLedger.set(name, { withLegacy });
}
