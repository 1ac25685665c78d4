// Runs batches of the failure destination through their consumer's own code again, once the consumer works. The effect is exactly
// once, whatever happened to the events before, and however often or in how many places a batch is redriven:
//
//   tiers     the checkpoints have passed these events, so each tier checks which of them it holds (`redrive` of each tier) and
//             loads the rest
//   process   the tiers' checkpoints also cover events that the processor may have emitted before. The batch's records are
//             processed under a separate raw shard name, marked as retries, so that the tiers look every message up
//
// A batch counts as redriven when all of it is done. Only then is it moved away.

import { concatBytes, type EnrichedEvent, encodeMember, type FailedEvent, REDELIVERY_MARK } from "@behaviour/contract";
import { type ProcessorParts, processRecords } from "../process/pipeline.ts";
import { type RawRecord, rawRecord } from "../process/record.ts";
import { redrivenShard } from "../stream/shard-name.ts";
import { asError } from "../telemetry/index.ts";
import { consumeRecords } from "../tiers/consumer.ts";
import type { LoadResult, Tier, TierName } from "../tiers/tier.ts";
import type { Consumer, Undelivered, UndeliveredBatch } from "./undelivered.ts";

/** A batch is started only if this much time is left. A batch has a few megabytes at most. */
const BATCH_MS = 15_000;

export interface RedrivableTier extends Tier {
  /** Like `load`, for events that the checkpoint has passed, whether or not they had their effect. */
  redrive(batch: readonly EnrichedEvent[]): Promise<LoadResult>;
}

export interface RedriveParts {
  undelivered: Pick<Undelivered, "keys" | "read" | "markRedriven">;
  tier(name: TierName): RedrivableTier;
  processor(): ProcessorParts;
  storeFailed: (failed: readonly FailedEvent[]) => Promise<void>;
}

export interface RedriveOptions {
  /** All consumers if absent. */
  consumer?: Consumer | undefined;
  /** Only lists the batches. */
  dryRun: boolean;
  /** Maximum number of batches. */
  limit: number;
}

export interface RedrivenBatch {
  key: string;
  consumer: Consumer | null;
  records: number;
  condition: string | null;
  givenUpAt: string | null;
  /**
   * `waiting`: a dry run, or no time was left. `failed`: the consumer still fails on it. `skipped`: the consumer failed on an
   * earlier batch.
   */
  outcome: "redriven" | "waiting" | "failed" | "skipped" | "unreadable";
  /** Counts of events, once redriven. */
  counts?: Record<string, number>;
  problem?: string;
}

/** @throws an infrastructure fault of the bucket. A consumer's fault is the outcome of a batch. */
export async function redrive(
  parts: RedriveParts,
  { consumer, dryRun, limit }: RedriveOptions,
  remainingMs: () => number,
): Promise<RedrivenBatch[]> {
  const batches: RedrivenBatch[] = [];
  // If a consumer fails on one batch, its next batches are skipped: they would wait for the same fault.
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
    // When the batch is redriven again, the consumer knows which part is done.
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

/** Concatenated gzip members are one stream, so the mark becomes the record's last line. */
const SECOND_TRY = encodeMember([JSON.stringify(REDELIVERY_MARK)]);
