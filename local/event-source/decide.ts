// Decides without I/O what happens after an invocation: how far the checkpoint moves, how large the next batch may be, how long
// to wait, and which records go to the failure destination.
//
// Only a fault of the record itself bisects the batch and uses up attempts. The function reports such a fault, or throws an error
// that is flagged as such. Every other error and every timeout is a fault of the environment. It delays the batch until the fault
// ends or the record is too old.

import type { MappingSettings } from "./settings.ts";

export type Outcome =
  | { kind: "done" }
  /** The function finished the records before this record. */
  | { kind: "failedAt"; index: number }
  /** The function reports that the batch is bad but names no record. */
  | { kind: "dataFault"; problem: string }
  /** The batch's only record ended the process while nothing else ran in the process. */
  | { kind: "killedProcess" }
  | { kind: "infrastructureFault"; problem: string };

/** The state of a shard between invocations. */
export interface RetryState {
  /** Maximum number of records in the next batch. */
  batchSize: number;
  /** How often the record at the head has failed by its own fault. */
  attempts: number;
  /** Number of consecutive faults of the environment. */
  faults: number;
}

export interface Decision {
  /** Number of records at the head that are finished. Records sent to the failure destination count too. */
  advance: number;
  giveUp: { count: number; reason: "RetryAttemptsExhausted" | "RecordAgeExceeded" } | undefined;
  delayMs: number;
  next: RetryState;
}

const FIRST_BACKOFF_MS = 200;

export function initialRetryState(settings: MappingSettings): RetryState {
  return { batchSize: settings.batchSize, attempts: 0, faults: 0 };
}

export interface Moment {
  nowMs: number;
  /** From 0 to 1. */
  random: number;
}

/** `arrivalsMs` is the time when each record of the batch arrived in the stream. */
export function decide(
  outcome: Outcome,
  arrivalsMs: readonly number[],
  state: RetryState,
  settings: MappingSettings,
  { nowMs, random }: Moment,
): Decision {
  if (outcome.kind === "done") {
    const batchSize = Math.min(settings.batchSize, state.batchSize * 2);
    return { advance: arrivalsMs.length, giveUp: undefined, delayMs: 0, next: { batchSize, attempts: 0, faults: 0 } };
  }
  if (outcome.kind === "failedAt" && outcome.index > 0) {
    // The function made progress. The named record is now at the head and has failed once.
    const next = { batchSize: state.batchSize, attempts: 1, faults: 0 };
    return { advance: outcome.index, giveUp: undefined, delayMs: backoffMs(0, settings, random), next };
  }
  if (outcome.kind === "killedProcess") {
    const giveUp = { count: 1, reason: "RetryAttemptsExhausted" } as const;
    return { advance: 1, giveUp, delayMs: 0, next: { batchSize: state.batchSize, attempts: 0, faults: 0 } };
  }
  const tooOld = countTooOld(arrivalsMs, nowMs - settings.maximumRecordAgeMs);
  if (tooOld > 0) {
    return {
      advance: tooOld,
      giveUp: { count: tooOld, reason: "RecordAgeExceeded" },
      delayMs: 0,
      next: { batchSize: state.batchSize, attempts: 0, faults: 0 },
    };
  }
  if (outcome.kind === "infrastructureFault") {
    const next = { ...state, faults: state.faults + 1 };
    return { advance: 0, giveUp: undefined, delayMs: backoffMs(state.faults, settings, random), next };
  }
  return bisect(outcome.kind === "failedAt", arrivalsMs.length, state, settings, random);
}

function bisect(named: boolean, size: number, state: RetryState, settings: MappingSettings, random: number): Decision {
  if (size > 1 && !named) {
    const next = { batchSize: Math.floor(size / 2), attempts: 0, faults: 0 };
    return { advance: 0, giveUp: undefined, delayMs: 0, next };
  }
  const attempts = state.attempts + 1;
  if (size > 1 || attempts <= settings.maximumRetryAttempts) {
    // A record that is named twice is retried alone, so that only this record goes to the failure destination in the end.
    const batchSize = attempts >= 2 ? 1 : state.batchSize;
    const delayMs = backoffMs(attempts - 1, settings, random);
    return { advance: 0, giveUp: undefined, delayMs, next: { batchSize, attempts, faults: 0 } };
  }
  return {
    advance: 1,
    giveUp: { count: 1, reason: "RetryAttemptsExhausted" },
    delayMs: 0,
    next: { batchSize: 2, attempts: 0, faults: 0 },
  };
}

function countTooOld(arrivalsMs: readonly number[], oldestMs: number): number {
  let count = 0;
  while (count < arrivalsMs.length && (arrivalsMs[count] as number) < oldestMs) count++;
  return count;
}

/** Doubles from 200 ms up to the cap. Half of the pause is random, so that consumers do not retry at the same moment. */
function backoffMs(failures: number, settings: MappingSettings, random: number): number {
  const full = Math.min(settings.backoffMaxMs, FIRST_BACKOFF_MS * 2 ** Math.min(failures, 20));
  return Math.round(full * (0.5 + random / 2));
}
