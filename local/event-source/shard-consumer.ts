// The loop over one shard: gather a batch, invoke the function, move the checkpoint. Only one invocation runs at a time, so the
// order of records is kept.

import type { S3Client } from "@aws-sdk/client-s3";
import type { Checkpoints } from "./checkpoints.ts";
import { decide, initialRetryState, type Outcome } from "./decide.ts";
import { type Invocation, invoke } from "./invoke.ts";
import type { Isolation } from "./isolation.ts";
import { pause } from "./pause.ts";
import type { MappingSettings } from "./settings.ts";
import type { ShardReader, ShardRecord } from "./shard-reader.ts";
import { keepUndelivered } from "./undelivered.ts";

export interface ShardConsumer {
  settings: MappingSettings;
  invocation: Invocation;
  reader: ShardReader;
  checkpoints: Checkpoints;
  isolation: Isolation;
  s3: S3Client;
  /** Aborted to stop the consumer after the invocation in progress. */
  stopping: AbortSignal;
  /** One log line for the operator. `problem` says what failed. */
  report(message: string, fields: Record<string, unknown>): void;
}

/** An unreachable stream is read again at least this often, so that its return is noticed soon. */
const READ_BACKOFF_MAX_MS = 2_000;
/** The service allows five reads a second per shard, for all pollers together. */
const THROTTLED_BACKOFF_MIN_MS = 1_000;
const UNDELIVERED_RETRY_MS = 2_000;

/**
 * Returns when the shard has ended or the consumer has to stop.
 * @throws {FunctionTimeout}
 */
export async function consumeShard(consumer: ShardConsumer): Promise<"ended" | "stopped"> {
  const { settings, stopping } = consumer;
  const pending: ShardRecord[] = [];
  let state = initialRetryState(settings);
  let shardEnded = false;

  while (!stopping.aborted) {
    if (!shardEnded) shardEnded = await gather(consumer, pending, state.batchSize);
    if (stopping.aborted) break;
    if (pending.length === 0) {
      if (shardEnded) return "ended";
      continue;
    }
    const batch = nextBatch(consumer, pending, state.batchSize);
    const outcome = await invokeIsolated(consumer, batch);
    const arrivalsMs = batch.map((record) => record.arrivalMs);
    const decision = decide(outcome, arrivalsMs, state, settings, { nowMs: Date.now(), random: Math.random() });
    if (outcome.kind !== "done") reportFault(consumer, outcome, batch, decision.delayMs);
    if (decision.giveUp !== undefined) {
      const kept = await giveUp(consumer, batch.slice(0, decision.giveUp.count), decision.giveUp.reason, outcome);
      if (!kept) break;
    }
    state = decision.next;
    if (decision.advance > 0) {
      const finished = pending.splice(0, decision.advance);
      consumer.checkpoints.advance(consumer.invocation.shardId, (finished.at(-1) as ShardRecord).sequence);
    }
    if (decision.delayMs > 0) await pause(decision.delayMs, stopping);
  }
  return "stopped";
}

/** Reads until a batch is complete or its window has ended. Returns true when the shard has ended. */
async function gather(consumer: ShardConsumer, pending: ShardRecord[], batchSize: number): Promise<boolean> {
  const { settings, stopping } = consumer;
  let windowEndMs = pending.length > 0 ? Date.now() : undefined;
  let failures = 0;
  for (;;) {
    const bytes = pending.reduce((sum, record) => sum + record.data.length, 0);
    if (stopping.aborted || pending.length >= batchSize || bytes >= settings.batchBytes) return false;
    if (windowEndMs !== undefined && Date.now() >= windowEndMs) return false;
    try {
      const { records, ended, more } = await consumer.reader.read(
        batchSize - pending.length,
        settings.batchBytes - bytes,
      );
      failures = 0;
      pending.push(...records);
      if (ended) return true;
      if (records.length > 0) windowEndMs ??= Date.now() + settings.batchWindowMs;
      const leftMs = windowEndMs === undefined ? settings.pollIntervalMs : windowEndMs - Date.now();
      if (leftMs <= 0) return false;
      // A backlog is read without a pause.
      if (records.length === 0 || (settings.batchWindowMs > 0 && !more))
        await pause(Math.min(leftMs, settings.pollIntervalMs), stopping);
    } catch (fault) {
      if (pending.length > 0) return false;
      failures++;
      await pause(readBackoffMs(consumer, fault, failures), stopping);
    }
  }
}

function readBackoffMs(consumer: ShardConsumer, fault: unknown, failures: number): number {
  const name = fault instanceof Error ? fault.name : String(fault);
  const throttled = name === "ProvisionedThroughputExceededException" || name === "LimitExceededException";
  if (failures === 1 || failures % 30 === 0) {
    const { stream, shardId } = consumer.invocation;
    consumer.report("stream not read", { stream, shardId, problem: name, failures });
  }
  const backoffMs = Math.min(READ_BACKOFF_MAX_MS, 100 * 2 ** Math.min(failures, 10));
  return (throttled ? Math.max(THROTTLED_BACKOFF_MIN_MS, backoffMs) : backoffMs) * (0.75 + Math.random() / 2);
}

function nextBatch(
  { isolation, settings, invocation }: ShardConsumer,
  pending: readonly ShardRecord[],
  batchSize: number,
): ShardRecord[] {
  const head = pending[0] as ShardRecord;
  if (isolation.isSuspect(settings.consumer, invocation.shardId, head.sequence)) return [head];
  return pending.slice(0, countOfBatch(pending, batchSize, settings.batchBytes));
}

async function invokeIsolated(
  { isolation, checkpoints, settings, invocation }: ShardConsumer,
  batch: readonly ShardRecord[],
): Promise<Outcome> {
  const { consumer } = settings;
  const { shardId } = invocation;
  const first = (batch[0] as ShardRecord).sequence;
  const last = (batch.at(-1) as ShardRecord).sequence;
  if (isolation.isGuilty(consumer, shardId, first)) return { kind: "killedProcess" };
  // Records that were passed or sent to the failure destination before must not be delivered again if this record ends the
  // process.
  if (isolation.isSuspect(consumer, shardId, first)) await checkpoints.flush();
  return isolation.run({ consumer, shardId, first, last }, () => invoke(invocation, batch));
}

/** Number of records that make one batch: at least one record, even if it is large. */
function countOfBatch(pending: readonly ShardRecord[], batchSize: number, batchBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (const record of pending) {
    bytes += record.data.length;
    if (count > 0 && (count >= batchSize || bytes > batchBytes)) break;
    count++;
  }
  return count;
}

function reportFault(
  consumer: ShardConsumer,
  outcome: Outcome,
  batch: readonly ShardRecord[],
  retryInMs: number,
): void {
  consumer.report("batch not done", {
    function: consumer.invocation.functionName,
    shardId: consumer.invocation.shardId,
    records: batch.length,
    fault: outcome.kind,
    retryInMs,
    ...("problem" in outcome ? { problem: outcome.problem } : {}),
  });
}

function problemOf(outcome: Outcome): string {
  if ("problem" in outcome) return outcome.problem;
  if (outcome.kind === "killedProcess") return "the record ended the function's process";
  return "the function reported the record as failed";
}

/**
 * The checkpoint may pass these records only after they are stored in the failure destination. Returns false if the consumer has
 * to stop first.
 */
async function giveUp(
  consumer: ShardConsumer,
  records: readonly ShardRecord[],
  condition: "RetryAttemptsExhausted" | "RecordAgeExceeded",
  outcome: Outcome,
): Promise<boolean> {
  const { streamArn, shardId } = consumer.invocation;
  const problem = problemOf(outcome);
  while (!consumer.stopping.aborted) {
    try {
      await keepUndelivered(consumer.s3, {
        consumer: consumer.settings.consumer,
        streamArn,
        shardId,
        condition,
        problem,
        records,
      });
      consumer.report("records sent to the failure destination", { shardId, condition, records: records.length });
      return true;
    } catch (fault) {
      consumer.report("failure destination not reached", {
        problem: fault instanceof Error ? fault.name : String(fault),
      });
      await pause(UNDELIVERED_RETRY_MS, consumer.stopping);
    }
  }
  return false;
}
