// Puts batches that the stream gave up through their consumer's own code again, once it can take them. Exactly once, whatever
// had become of them before, and however often or in how many places it is done:
//
//   tiers     the checkpoints have passed these events, so each tier looks what it holds of them (`redrive` of each tier) and
//             loads the rest
//   process   what it may have emitted before is under the tiers' checkpoints too. Its records go through under the name of a
//             raw shard of their own, marked as second tries, so that the tiers look every message up
//
// A batch counts as redriven when all of it is done, and is moved out of the way then.

import { concatBytes, type EnrichedEvent, encodeMember, type FailedEvent, REDELIVERY_MARK } from "@behaviour/contract";
import { type ProcessorParts, processRecords } from "../process/pipeline.ts";
import { type RawRecord, rawRecord } from "../process/record.ts";
import { redrivenShard } from "../stream/shard-name.ts";
import { asError } from "../telemetry/index.ts";
import { consumeRecords } from "../tiers/consumer.ts";
import type { LoadResult, Tier, TierName } from "../tiers/tier.ts";
import type { Consumer, Undelivered, UndeliveredBatch } from "./undelivered.ts";

/** A batch is begun only with so much time left: it is some megabytes at most. */
const BATCH_MS = 15_000;

export interface RedrivableTier extends Tier {
  /** As `load`, for events that the checkpoint has passed, whether they had their effect or not. */
  redrive(batch: readonly EnrichedEvent[]): Promise<LoadResult>;
}

export interface RedriveParts {
  undelivered: Pick<Undelivered, "keys" | "read" | "markRedriven">;
  tier(name: TierName): RedrivableTier;
  processor(): ProcessorParts;
  storeFailed: (failed: readonly FailedEvent[]) => Promise<void>;
}

export interface RedriveOptions {
  /** All when absent. */
  consumer?: Consumer | undefined;
  /** Looks only. */
  dryRun: boolean;
  /** Batches at most. */
  limit: number;
}

export interface RedrivenBatch {
  key: string;
  consumer: Consumer | null;
  records: number;
  condition: string | null;
  givenUpAt: string | null;
  /**
   * `waiting`: a dry run, or no time was left. `failed`: the consumer still does not take it. `skipped`: it did not take one
   * before this.
   */
  outcome: "redriven" | "waiting" | "failed" | "skipped" | "unreadable";
  /** Of events, once redriven. */
  counts?: Record<string, number>;
  problem?: string;
}

/** @throws an infrastructure fault of the bucket; one of a consumer is a batch's outcome. */
export async function redrive(
  parts: RedriveParts,
  { consumer, dryRun, limit }: RedriveOptions,
  remainingMs: () => number,
): Promise<RedrivenBatch[]> {
  const batches: RedrivenBatch[] = [];
  // A consumer that does not take one batch is left alone: the next ones would wait for the same fault.
  const failing = new Set<Consumer>();
  for await (const key of parts.undelivered.keys()) {
    if (batches.length >= limit) break;
    const batch = await parts.undelivered.read(key);
    if (batch === null) continue;
    if ("problem" in batch) {
      batches.push({ ...EMPTY, key, outcome: "unreadable", problem: batch.problem });
      continue;
    }
    if (consumer !== undefined && batch.consumer !== consumer) continue;
    const isDue = !dryRun && remainingMs() > BATCH_MS;
    if (failing.has(batch.consumer)) batches.push(describe(batch, "skipped"));
    else batches.push(isDue ? await redriveBatch(parts, batch, remainingMs) : describe(batch, "waiting"));
    if (batches.at(-1)?.outcome === "failed") failing.add(batch.consumer);
  }
  return batches;
}

const EMPTY = { consumer: null, records: 0, condition: null, givenUpAt: null };

function describe(batch: UndeliveredBatch, outcome: RedrivenBatch["outcome"]): RedrivenBatch {
  const { key, consumer, condition, givenUpAt, records } = batch;
  return { key, consumer, condition, givenUpAt, records: records.length, outcome };
}

async function redriveBatch(
  parts: RedriveParts,
  batch: UndeliveredBatch,
  remainingMs: () => number,
): Promise<RedrivenBatch> {
  try {
    const { counts, complete } =
      batch.consumer === "process"
        ? await processAgain(parts.processor(), batch, remainingMs)
        : await loadAgain(parts, batch.consumer, batch, remainingMs);
    // What was done of it is known to the consumer when it comes again.
    if (!complete) return describe(batch, "waiting");
    await parts.undelivered.markRedriven(batch);
    return { ...describe(batch, "redriven"), counts };
  } catch (fault) {
    return { ...describe(batch, "failed"), problem: fault instanceof Error ? fault.name : "unknown" };
  }
}

interface Redone {
  counts: Record<string, number>;
  complete: boolean;
}

async function loadAgain(
  { tier, storeFailed }: RedriveParts,
  name: TierName,
  { records }: UndeliveredBatch,
  remainingMs: () => number,
): Promise<Redone> {
  const redrivable = tier(name);
  const again: Tier = {
    name,
    load: (events) => redrivable.redrive(events),
    locate: (...asked) => redrivable.locate(...asked),
  };
  const { answer, result, fault } = await consumeRecords({ tier: again, storeFailed }, records, remainingMs);
  if (fault !== null) throw asError(fault);
  return { counts: { ...result }, complete: answer.batchItemFailures.length === 0 };
}

async function processAgain(
  parts: ProcessorParts,
  { records }: UndeliveredBatch,
  remainingMs: () => number,
): Promise<Redone> {
  const first = records[0]?.kinesis.sequenceNumber ?? "";
  const readAtMs = parts.nowMs();
  const again = records.map((given): RawRecord => {
    const record = rawRecord(given, readAtMs);
    return {
      ...record,
      rawShard: redrivenShard(record.rawShard, first),
      frame: concatBytes([record.frame, SECOND_TRY]),
    };
  });
  const { counts, resumeAt, fault } = await processRecords(parts, again, remainingMs);
  if (fault !== null) throw asError(fault);
  return { counts: { ...counts }, complete: resumeAt === null };
}

/** Gzip members side by side are one stream: the mark becomes the record's last line. */
const SECOND_TRY = encodeMember([JSON.stringify(REDELIVERY_MARK)]);
