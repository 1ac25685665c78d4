// The cold tier is the archive: Parquet files on S3.
//
// Exactly once: before anything is written, the raw shard's plan assigns positions to objects. Keys follow from the positions,
// so a range that is written again overwrites itself. A range with other bounds names the objects that it replaces, and deletes
// them after its own objects were written. A completed plan is the checkpoint. The registry finds duplicates that arrived
// through another shard, as in the hot tier.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, type EnrichedEvent, LIMITS, TABLES } from "@behaviour/contract";
import { concurrently } from "../../concurrently.ts";
import { redrivenShard } from "../../stream/shard-name.ts";
import { inOrder } from "../order.ts";
import { MessageRegistry } from "../registry/registry.ts";
import { addResult, emptyResult, type LoadResult, type Tier } from "../tier.ts";
import { countStored, deleteCounts, putCounts } from "./counts.ts";
import { type LoadPlan, nextLoad, PLAN_OBJECTS_MAX, planObjects, planRuns } from "./load-plan.ts";
import { ColdLedger } from "./object-ledger.ts";
import { Objects } from "./objects.ts";
import { encodeEvents } from "./parquet.ts";
import { storedAmong } from "./redrive.ts";

const MINUTE_MS = 60_000;
/** Objects that are written at the same time. S3 takes 10 to 50 ms for one object, and a plan may have hundreds. */
const PUTS_AT_ONCE = 16;
/** Separates this tier's registry from the processor's items in the same table. */
const NAMESPACE = "cold#";

export interface ColdTierOptions {
  s3: S3Client;
  dynamodb: DynamoDBClient;
  nowMs?: () => number;
}

export class ColdTier implements Tier {
  readonly name = "cold";
  readonly #s3: S3Client;
  readonly #dynamodb: DynamoDBClient;
  readonly #objects: Objects;
  readonly #ledger: ColdLedger;
  readonly #registry: MessageRegistry;
  readonly #nowMs: () => number;

  constructor({ s3, dynamodb, nowMs = Date.now }: ColdTierOptions) {
    this.#s3 = s3;
    this.#dynamodb = dynamodb;
    this.#objects = new Objects(s3, BUCKETS.events);
    this.#ledger = new ColdLedger(dynamodb, TABLES.ledger);
    this.#registry = new MessageRegistry({ dynamodb, table: TABLES.ledger, namespace: NAMESPACE, nowMs });
    this.#nowMs = nowMs;
  }

  async load(batch: readonly EnrichedEvent[]): Promise<LoadResult> {
    const result = emptyResult();
    const { shards, repeated } = inOrder(batch);
    result.repeated = repeated;
    for (const [rawShard, run] of shards) {
      for (const part of planRuns(run)) addResult(result, await this.#loadRun(rawShard, part));
    }
    return result;
  }

  /**
   * Loads events from the failure destination. The plan has passed them, whether they were stored or not. Events that are not
   * in the archive are stored under a plan of the batch's own.
   */
  async redrive(batch: readonly EnrichedEvent[]): Promise<LoadResult> {
    const result = emptyResult();
    const { shards, repeated } = inOrder(batch);
    result.repeated = repeated;
    for (const [rawShard, run] of shards) {
      const [first, last] = [run[0], run.at(-1)];
      if (first === undefined || last === undefined) continue;
      await this.#passGivenUp(rawShard, first.position, last.position);
      const own = redrivenShard(rawShard, first.position);
      const unfinished = await this.#ledger.plan(own);
      const ignored = new Set(unfinished === null || unfinished.done ? [] : [...unfinished.keys, ...unfinished.remove]);
      const stored = await storedAmong(this.#s3, run, ignored);
      const missing = run.filter((event) => !stored.has(event));
      result.repeated += stored.size;
      for (const part of planRuns(missing)) addResult(result, await this.#loadRun(own, part));
    }
    return result;
  }

  /**
   * Completes the raw shard's own plan for the batch, and moves the plan past it. If the stream still delivers the batch (its
   * mapping crashed after it wrote to the failure destination), its consumer finds it done.
   */
  async #passGivenUp(rawShard: string, first: string, last: string): Promise<void> {
    const plan = await this.#ledger.plan(rawShard);
    const isPast = plan !== null && (plan.done ? plan.last >= last : plan.first > last);
    if (isPast) return;
    if (plan !== null && !plan.done) await this.#objects.delete([...plan.keys, ...plan.remove]);
    await this.#forgetCounts(plan, null);
    const version = (plan?.version ?? 0) + 1;
    await this.#ledger.putPlan({ rawShard, first, last, keys: [], remove: [], done: true, version });
  }

  async locate(project: string, messageId: string, receivedAtMs?: number): Promise<string | null> {
    const fromMs = receivedAtMs === undefined ? this.#nowMs() - LIMITS.dedupeWindowMs : receivedAtMs - MINUTE_MS;
    const found = await this.#registry.find(project, messageId, fromMs);
    if (found === null) return null;
    const plan = await this.#ledger.plan(found.rawShard);
    const stored = plan !== null && (plan.done ? found.lastPosition <= plan.last : found.lastPosition < plan.first);
    return stored ? new Date(found.registeredAtMs).toISOString() : null;
  }

  async #loadRun(rawShard: string, run: readonly EnrichedEvent[]): Promise<LoadResult> {
    const before = await this.#ledger.plan(rawShard);
    const { events, stale } = nextLoad(before, run);
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined) return { ...emptyResult(), repeated: run.length };
    const own = await this.#withoutCopies(events);
    const range = { rawShard, first: first.position, last: last.position };
    const objects = planObjects(own, range);
    const keys = [...objects.keys()];
    const remove = await this.#removable(stale.filter((key) => !objects.has(key)));
    const plan: LoadPlan = { ...range, keys, remove, done: false, version: (before?.version ?? 0) + 1 };
    await this.#forgetCounts(before, plan.first);
    const planned = this.#ledger.putPlan(plan);
    // A handler here as well, so that a fault during the encoding of the first file is not an unhandled rejection.
    planned.catch(() => undefined);
    await concurrently(objects, PUTS_AT_ONCE, async ([key, rows]) => {
      // The file is encoded while the ledger answers, and stored only after its answer.
      const file = encodeEvents(rows);
      await planned;
      await this.#objects.put(key, file);
    });
    await planned;
    if (remove.length > 0) await this.#objects.delete(remove);
    await putCounts(this.#dynamodb, TABLES.ledger, plan, countStored(events, own), this.#nowMs());
    await this.#ledger.putPlan({ ...plan, keys: [], remove: [], done: true, version: plan.version + 1 });
    return {
      ...emptyResult(),
      loaded: own.length,
      copies: events.length - own.length,
      repeated: run.length - events.length,
    };
  }

  /**
   * Returns the objects that the next plan removes. If an incomplete plan was replaced again and again, they can be more than an
   * item can name. They are deleted now in this case. Their events are not done and will be loaded again.
   */
  async #removable(keys: string[]): Promise<string[]> {
    if (keys.length <= PLAN_OBJECTS_MAX) return keys;
    await this.#objects.delete(keys);
    return [];
  }

  /** Deletes the counts of an incomplete plan whose replacement begins at another position and therefore has another name. */
  async #forgetCounts(plan: LoadPlan | null, next: string | null): Promise<void> {
    if (plan === null || plan.done || plan.first === next) return;
    await deleteCounts(this.#dynamodb, TABLES.ledger, plan);
  }

  async #withoutCopies(events: readonly EnrichedEvent[]): Promise<EnrichedEvent[]> {
    const copies = new Set<EnrichedEvent>();
    for (const [project, ofProject] of Map.groupBy(events, (event) => event.project)) {
      for (const copy of await this.#registry.claim(project, ofProject)) copies.add(copy);
    }
    return events.filter((event) => !copies.has(event));
  }
}
