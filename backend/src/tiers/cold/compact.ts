// Merges many small objects into few large objects, and removes duplicates of a message. A reader that lists and then reads
// misses no event: the merged object is written before its sources are deleted. In between the reader may see both.
//
// Crash-safe: the ledger names the sources before the merged object is written. If the merged object exists, the sources are
// deleted. If it does not exist, nothing has changed.

import { createHash } from "node:crypto";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import { BUCKETS, TABLES } from "@behaviour/contract";
import type { ColdRow } from "./columns.ts";
import { ColdLedger, type Compaction } from "./object-ledger.ts";
import { Objects, type StoredObject } from "./objects.ts";
import { decodeParquet, encodeRows } from "./parquet.ts";

const MIB = 1024 * 1024;
const SMALL_BYTES = 4 * MIB;
const MERGED_BYTES_MAX = 8 * MIB;
const LEASE_MS = 45_000;

export interface CompactionLimits {
  /** A merge of fewer objects is not worth the write. */
  objectsMin: number;
  /** Objects of one merge. The ledger's item names each, and DynamoDB allows 400 KB. */
  objectsMax: number;
  /** Younger objects are not merged: their loader or their readers may still be active. */
  settledMs: number;
  /** Rows of one merge. They are in memory as objects: 50,000 rows took half a gigabyte, 20,000 take 250 MB. */
  rowsMax: number;
}

const COMPACTION_LIMITS: CompactionLimits = {
  objectsMin: 16,
  objectsMax: 500,
  settledMs: 10 * 60_000,
  rowsMax: 20_000,
};

export interface CompactorOptions {
  s3: S3Client;
  dynamodb: DynamoDBClient;
  limits?: CompactionLimits;
  /** Gets the fault of one partition. The other partitions are still merged. */
  onFault?: (fault: unknown) => void;
  nowMs?: () => number;
}

export interface CompactionResult {
  finished: number;
  merged: number;
  removed: number;
  /** Partitions that could not be merged in this run. */
  faults: number;
}

/** Chooses the objects of a partition to merge: the oldest small objects, as long as they fit. Pure. */
export function planCompaction(
  objects: readonly StoredObject[],
  limits: CompactionLimits,
  nowMs: number,
): StoredObject[] {
  const settled = objects
    .filter((object) => object.bytes < SMALL_BYTES && object.modifiedAtMs <= nowMs - limits.settledMs)
    .sort((a, b) => a.modifiedAtMs - b.modifiedAtMs || (a.key < b.key ? -1 : 1));
  let bytes = 0;
  const chosen = settled.slice(0, limits.objectsMax).filter((object) => {
    bytes += object.bytes;
    return bytes <= MERGED_BYTES_MAX;
  });
  return chosen.length >= limits.objectsMin ? chosen : [];
}

export class Compactor {
  readonly #objects: Objects;
  readonly #ledger: ColdLedger;
  readonly #limits: CompactionLimits;
  readonly #onFault: (fault: unknown) => void;
  readonly #nowMs: () => number;

  constructor({ s3, dynamodb, limits = COMPACTION_LIMITS, onFault, nowMs = Date.now }: CompactorOptions) {
    this.#objects = new Objects(s3, BUCKETS.events);
    this.#ledger = new ColdLedger(dynamodb, TABLES.ledger);
    this.#limits = limits;
    this.#onFault = onFault ?? (() => {});
    this.#nowMs = nowMs;
  }

  /** @param hasTime checked before each partition; the rest waits for the next run */
  async run(hasTime: () => boolean): Promise<CompactionResult> {
    const result: CompactionResult = { finished: 0, merged: 0, removed: 0, faults: 0 };
    await this.#finish(result);
    for (const [partition, objects] of await this.#partitions()) {
      if (!hasTime()) return result;
      const sources = planCompaction(objects, this.#limits, this.#nowMs());
      if (sources.length === 0) continue;
      await this.#guarded(result, async () => {
        const removed = await this.#merge(partition, sources);
        result.removed += removed;
        if (removed > 0) result.merged++;
      });
    }
    return result;
  }

  /** Completes the merges that an earlier run did not complete. */
  async #finish(result: CompactionResult): Promise<void> {
    for (const compaction of await this.#ledger.compactions()) {
      if (compaction.leaseUntilMs > this.#nowMs()) continue;
      await this.#guarded(result, async () => {
        if (await this.#objects.exists(compaction.target)) await this.#objects.delete(compaction.sources);
        await this.#ledger.endCompaction(compaction.partition);
        result.finished++;
      });
    }
  }

  /** A partition that cannot be merged must not stop the partitions after it, in this run and in every later run. */
  async #guarded(result: CompactionResult, merge: () => Promise<void>): Promise<void> {
    try {
      await merge();
    } catch (fault) {
      result.faults++;
      this.#onFault(fault);
    }
  }

  async #partitions(): Promise<Map<string, StoredObject[]>> {
    const partitions = new Map<string, StoredObject[]>();
    for await (const object of this.#objects.list("project=")) {
      const partition = object.key.slice(0, object.key.lastIndexOf("/"));
      const others = partitions.get(partition);
      if (others === undefined) partitions.set(partition, [object]);
      else others.push(object);
    }
    // The plans are read after the listing: a plan that begins later writes keys that were not listed.
    const unfinished = new Set<string>();
    for (const plan of await this.#ledger.plans()) {
      if (!plan.done) for (const key of [...plan.keys, ...plan.remove]) unfinished.add(key);
    }
    for (const [partition, objects] of partitions) {
      partitions.set(
        partition,
        objects.filter((object) => !unfinished.has(object.key)),
      );
    }
    return partitions;
  }

  /** @returns the number of deleted objects. */
  async #merge(partition: string, candidates: readonly StoredObject[]): Promise<number> {
    const { rows, sources } = await this.#read(candidates);
    if (sources.length < 2) return 0;
    const name = createHash("sha256").update(sources.join("\n")).digest("hex").slice(0, 32);
    const target = `${partition}/compact-${name}.parquet`;
    const compaction: Compaction = { partition, target, sources, leaseUntilMs: this.#nowMs() + LEASE_MS };
    if (!(await this.#ledger.beginCompaction(compaction))) return 0;
    await this.#objects.put(target, encodeRows([...rows.values()]));
    await this.#objects.delete(sources);
    await this.#ledger.endCompaction(partition);
    return sources.length;
  }

  /** The rows by message id, so that the copy of the older object is kept, and the objects of the rows. */
  async #read(candidates: readonly StoredObject[]): Promise<{ rows: Map<unknown, ColdRow>; sources: string[] }> {
    let rows = new Map<unknown, ColdRow>();
    let sources: string[] = [];
    for (const { key } of candidates) {
      const bytes = await this.#objects.get(key);
      if (bytes === null) continue;
      const more = await decodeParquet(bytes);
      if (more === null) continue;
      if (sources.length > 0 && rows.size + more.length > this.#limits.rowsMax) {
        if (sources.length > 1) break;
        // An object that an earlier merge has filled is skipped, and the objects after it are merged.
        rows = new Map();
        sources = [];
      }
      for (const row of more) if (!rows.has(row["message_id"])) rows.set(row["message_id"], row);
      sources.push(key);
    }
    return { rows, sources };
  }
}
