// The hot tier: counters of the last hours in DynamoDB, for the real-time view.
//
// Exactly once: each event has one item, that of its project, minute of receipt and raw shard. The item carries the
// position up to which it counts and is written whole on the condition that this position is as it was read, so counting and
// checkpoint are one write. Copies that came through another shard are told by the registry, in which a batch is entered
// before it is counted: a crash in between leaves entries whose owner comes again and is counted then.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type EnrichedEvent, LIMITS, TABLES } from "@behaviour/contract";
import { after, inOrder } from "../order.ts";
import { MessageRegistry } from "../registry/registry.ts";
import { addResult, emptyResult, type LoadResult, type Tier } from "../tier.ts";
import { countEvents, KEPT_MS, MINUTE_MS, minuteOf } from "./minute.ts";
import { type MinutePlace, Minutes } from "./minutes.ts";

/** Items written side by side. */
const CONCURRENCY = 8;
const PUT_TRIES = 20;
/** An item that is about to expire is as good as gone: never begin one. */
const OUTDATED_MS = KEPT_MS - 3_600_000;

export interface HotTierOptions {
  dynamodb: DynamoDBClient;
  now?: () => number;
}

interface MinuteBatch {
  place: MinutePlace;
  events: EnrichedEvent[];
}

export interface HotPlan {
  /** By project; each one's minutes, and in them the events in order. */
  projects: Map<string, MinuteBatch[]>;
  outdated: number;
}

/** Sorts the events of one raw shard by the item each is counted in. Pure. */
export function planLoad(rawShard: string, events: readonly EnrichedEvent[], nowMs: number): HotPlan {
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
  readonly #registry: MessageRegistry;
  readonly #now: () => number;

  constructor({ dynamodb, now = Date.now }: HotTierOptions) {
    this.#minutes = new Minutes(dynamodb, TABLES.hot);
    this.#registry = new MessageRegistry({ dynamodb, table: TABLES.hot, namespace: "", now });
    this.#now = now;
  }

  async load(batch: readonly EnrichedEvent[]): Promise<LoadResult> {
    const result = emptyResult();
    const { shards, repeated } = inOrder(batch);
    result.repeated = repeated;
    for (const [rawShard, events] of shards) {
      const plan = planLoad(rawShard, events, this.#now());
      result.outdated += plan.outdated;
      for (const [project, minutes] of plan.projects) addResult(result, await this.#loadProject(project, minutes));
    }
    return result;
  }

  async locate(project: string, messageId: string, receivedAtMs?: number): Promise<string | null> {
    const fromMs = receivedAtMs === undefined ? this.#now() - LIMITS.dedupeWindowMs : receivedAtMs - MINUTE_MS;
    const found = await this.#registry.find(project, messageId, fromMs);
    return found === null ? null : new Date(found.registeredAtMs).toISOString();
  }

  async #loadProject(project: string, minutes: readonly MinuteBatch[]): Promise<LoadResult> {
    const result = emptyResult();
    const pending: MinuteBatch[] = [];
    await eachOf(minutes, async ({ place, events }) => {
      const counted = await this.#minutes.get(place);
      const fresh = [...after(events, counted?.checkpoint)];
      result.repeated += events.length - fresh.length;
      if (fresh.length > 0) pending.push({ place, events: fresh });
    });
    // In the stream's order again: of two copies in one batch the earlier one is the message.
    const all = pending.flatMap(({ events }) => events).sort((a, b) => (a.position < b.position ? -1 : 1));
    const copies = await this.#registry.claim(project, all);
    await eachOf(pending, async ({ place, events }) => {
      const own = events.filter((event) => !copies.has(event));
      result.copies += events.length - own.length;
      const loaded = await this.#count(place, own);
      result.loaded += loaded;
      result.repeated += own.length - loaded;
    });
    return result;
  }

  /** @returns how many were counted now: another consumer may have been given the same events, and been faster. */
  async #count(place: MinutePlace, events: readonly EnrichedEvent[]): Promise<number> {
    for (let tries = 0; tries < PUT_TRIES; tries++) {
      const before = await this.#minutes.get(place);
      const fresh = after(events, before?.checkpoint);
      if (fresh.length === 0) return 0;
      if (await this.#minutes.put(place, before, countEvents(before, fresh))) return fresh.length;
    }
    throw new Error(`the hot tier's item of ${place.minute} is written by too many at once`);
  }
}

/** Side by side, a few at a time; throws the first fault after all under way have ended. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const workers = Array.from({ length: Math.min(CONCURRENCY, items.length) }, async () => {
    for (const item of queue) await work(item);
  });
  const ended = await Promise.allSettled(workers);
  for (const end of ended) if (end.status === "rejected") throw end.reason;
}
