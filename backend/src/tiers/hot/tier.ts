// The hot tier keeps counters of the last hours in DynamoDB, for the real-time view.
//
// Exactly once: each event belongs to one item, by its project, minute of receipt and raw shard. The item has the positions
// that it counts. It is written as a whole, on the condition that it did not change since it was read, so counters and
// checkpoint are one write. The registry finds duplicates that arrived through another shard. A batch is registered before it
// is counted: a crash in between leaves registrations whose events are delivered again and counted then.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type EnrichedEvent, LIMITS, TABLES } from "@behaviour/contract";
import { concurrently } from "../../concurrently.ts";
import { after, inOrder } from "../order.ts";
import { MessageRegistry } from "../registry/registry.ts";
import { addResult, emptyResult, type LoadResult, type Tier } from "../tier.ts";
import { countEvents, KEPT_MS, MINUTE_MS, type MinuteCounters, minuteOf } from "./minute.ts";
import { type MinutePlace, Minutes } from "./minutes.ts";
import { isIdentified } from "./profile.ts";
import { Profiles } from "./profiles.ts";
import { covers, positionNumber } from "./ranges.ts";

/** Items that are written concurrently. */
const CONCURRENCY = 8;
const PUT_TRIES = 20;
/** No item is created that would expire within an hour. */
const OUTDATED_MS = KEPT_MS - 3_600_000;

export interface HotTierOptions {
  dynamodb: DynamoDBClient;
  /** Whether profiles of signed-in people are kept. They cost a write for each person in every batch, and counters cost a few. */
  profiles?: boolean;
  nowMs?: () => number;
}

interface MinuteBatch {
  place: MinutePlace;
  events: EnrichedEvent[];
}

/** Returns the events of a minute, in order, that its item has not processed yet. */
type ChooseFresh = (before: MinuteCounters | null, events: readonly EnrichedEvent[]) => readonly EnrichedEvent[];

const behindCheckpoint: ChooseFresh = (before, events) => after(events, before?.checkpoint);
const notCovered: ChooseFresh = (before, events) =>
  before === null ? events : events.filter(({ position }) => !covers(before.ranges, positionNumber(position)));

export interface HotPlan {
  /** The minutes of each project, with their events in order. */
  projects: Map<string, MinuteBatch[]>;
  outdated: number;
}

/** Groups the events of one raw shard by their item. Pure. */
export function planHotLoad(rawShard: string, events: readonly EnrichedEvent[], nowMs: number): HotPlan {
  const plan: HotPlan = { projects: new Map(), outdated: 0 };
  const minutes = new Map<string, MinuteBatch>();
  for (const event of events) {
    if (event.receivedAtMs < nowMs - OUTDATED_MS) {
      plan.outdated++;
      continue;
    }
    const minute = minuteOf(event.receivedAtMs);
    const name = `${event.project}#${minute}`;
    const known = minutes.get(name);
    if (known !== undefined) {
      known.events.push(event);
      continue;
    }
    const batch = { place: { project: event.project, minute, rawShard }, events: [event] };
    minutes.set(name, batch);
    const ofProject = plan.projects.get(event.project);
    if (ofProject === undefined) plan.projects.set(event.project, [batch]);
    else ofProject.push(batch);
  }
  return plan;
}

export class HotTier implements Tier {
  readonly name = "hot";
  readonly #minutes: Minutes;
  readonly #profiles: Profiles | null;
  readonly #registry: MessageRegistry;
  readonly #nowMs: () => number;

  constructor({ dynamodb, profiles = false, nowMs = Date.now }: HotTierOptions) {
    this.#minutes = new Minutes(dynamodb, TABLES.hot);
    this.#profiles = profiles ? new Profiles(dynamodb, nowMs) : null;
    this.#registry = new MessageRegistry({ dynamodb, table: TABLES.hot, namespace: "", nowMs });
    this.#nowMs = nowMs;
  }

  load(batch: readonly EnrichedEvent[]): Promise<LoadResult> {
    return this.#load(batch, behindCheckpoint);
  }

  /** Loads events from the failure destination. The checkpoints have passed them, whether they were counted or not. */
  redrive(batch: readonly EnrichedEvent[]): Promise<LoadResult> {
    return this.#load(batch, notCovered);
  }

  async #load(batch: readonly EnrichedEvent[], choose: ChooseFresh): Promise<LoadResult> {
    const result = emptyResult();
    const { shards, repeated } = inOrder(batch);
    result.repeated = repeated;
    for (const [rawShard, events] of shards) {
      const plan = planHotLoad(rawShard, events, this.#nowMs());
      result.outdated += plan.outdated;
      for (const [project, minutes] of plan.projects) {
        addResult(result, await this.#loadProject(project, minutes, choose));
      }
    }
    return result;
  }

  async locate(project: string, messageId: string, receivedAtMs?: number): Promise<string | null> {
    const fromMs = receivedAtMs === undefined ? this.#nowMs() - LIMITS.dedupeWindowMs : receivedAtMs - MINUTE_MS;
    const found = await this.#registry.find(project, messageId, fromMs);
    return found === null ? null : new Date(found.registeredAtMs).toISOString();
  }

  async #loadProject(project: string, minutes: readonly MinuteBatch[], choose: ChooseFresh): Promise<LoadResult> {
    const result = emptyResult();
    const pending: MinuteBatch[] = [];
    await concurrently(minutes, CONCURRENCY, async ({ place, events }) => {
      const fresh = [...choose(await this.#minutes.get(place), events)];
      result.repeated += events.length - fresh.length;
      if (fresh.length > 0) pending.push({ place, events: fresh });
    });
    // The stream's order decides: the earlier of two copies in one batch is the message.
    const all = pending.flatMap(({ events }) => events).sort((a, b) => (a.position < b.position ? -1 : 1));
    const copies = await this.#registry.claim(project, all);
    // Profiles are written before the minutes, whose checkpoints mark a batch as done. A profile has checkpoints of its own.
    await this.#addToProfiles(
      project,
      all.filter((event) => !copies.has(event)),
    );
    await concurrently(pending, CONCURRENCY, async (batch) =>
      addResult(result, await this.#count(batch, copies, choose)),
    );
    return result;
  }

  async #addToProfiles(project: string, events: readonly EnrichedEvent[]): Promise<void> {
    const profiles = this.#profiles;
    if (profiles === null) return;
    const people = Map.groupBy(events.filter(isIdentified), ({ subject }) => subject);
    await concurrently(people, CONCURRENCY, ([subject, ofPerson]) => profiles.add(project, subject, ofPerson));
  }

  /** Counts the events that are not counted yet. Another consumer may have the same events and be faster. */
  async #count(
    { place, events }: MinuteBatch,
    copies: ReadonlySet<EnrichedEvent>,
    choose: ChooseFresh,
  ): Promise<LoadResult> {
    for (let tries = 0; tries < PUT_TRIES; tries++) {
      const before = await this.#minutes.get(place);
      const fresh = choose(before, events);
      const own = fresh.filter((event) => !copies.has(event));
      const result = {
        ...emptyResult(),
        loaded: own.length,
        copies: fresh.length - own.length,
        repeated: events.length - fresh.length,
      };
      if (fresh.length === 0 || (await this.#minutes.put(place, before, countEvents(before, own, fresh))))
        return result;
    }
    throw new Error(`the hot tier's item of ${place.minute} is written by too many at once`);
  }
}
