// What follows an invocation, decided without I/O: how far the checkpoint moves, how large the next batch may be, how long to
// wait, which records are given up.
//
// Only a record's own fault (reported by the function, or thrown and flagged) bisects and uses up attempts. Anything else
// thrown, and every timeout, is a fault of the surroundings: it delays until it ends or the record is too old.

import type { MappingSettings } from "./settings.ts";

export type Outcome =
  | { kind: "done" }
  /** The function did what comes before this record. */
  | { kind: "failedAt"; index: number }
  /** The function blames the batch but names no record. */
  | { kind: "dataFault"; problem: string }
  /** The one record of the batch ended the process while nothing else ran in it. */
  | { kind: "killedProcess" }
  | { kind: "infrastructureFault"; problem: string };

/** What a shard remembers between invocations. */
export interface RetryState {
  /** Most records of the next batch. */
  batchSize: number;
  /** How often the record at the head has failed by its own fault. */
  attempts: number;
  /** Faults of the surroundings in a row. */
  faults: number;
}

export interface Decision {
  /** Records at the head that are finished with, given-up ones included. */
  advance: number;
  giveUp: { count: number; reason: "RetryAttemptsExhausted" | "RecordAgeExceeded" } | undefined;
  delayMs: number;
  next: RetryState;
}

const FIRST_BACKOFF_MS = 200;

export function initialRetryState(settings: MappingSettings): RetryState {
  return { batchSize: settings.batchSize, attempts: 0, faults: 0 };
}

/** `arrivalsMs`: when each record of the batch arrived in the stream; `random`: 0 to 1. */
export function decide(
  outcome: Outcome,
  arrivalsMs: readonly number[],
  state: RetryState,
  settings: MappingSettings,
  nowMs: number,
  random: number,
): Decision {
  if (outcome.kind === "done") {
    const batchSize = Math.min(settings.batchSize, state.batchSize * 2);
    return { advance: arrivalsMs.length, giveUp: undefined, delayMs: 0, next: { batchSize, attempts: 0, faults: 0 } };
  }
  if (outcome.kind === "failedAt" && outcome.index > 0) {
    // Progress was made; the record named is at the head now and has failed once.
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
    // A record named twice is tried alone, so that it alone is given up in the end.
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

/** Doubles from 200 ms to the cap, with half of it random so that consumers do not knock together. */
function backoffMs(failures: number, settings: MappingSettings, random: number): number {
  const full = Math.min(settings.backoffMaxMs, FIRST_BACKOFF_MS * 2 ** Math.min(failures, 20));
  return Math.round(full * (0.5 + random / 2));
}
