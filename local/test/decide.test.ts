// The decision after an invocation, as a table.

import { describe, expect, test } from "vitest";
import { decide, type Outcome, type RetryState } from "../event-source/decide.ts";
import { DEFAULTS, type MappingSettings } from "../event-source/settings.ts";

const settings: MappingSettings = { ...DEFAULTS, consumer: "c", stream: "s", batchSize: 100, maximumRetryAttempts: 3 };
const NOW_MS = 1_000_000_000_000;
const fresh: RetryState = { batchSize: 100, attempts: 0, faults: 0 };
const arrivals = (count: number, ageMs = 1_000) => Array.from({ length: count }, () => NOW_MS - ageMs);
const after = (outcome: Outcome, count: number, state = fresh, arrivalsMs = arrivals(count)) =>
  decide(outcome, arrivalsMs, state, settings, { nowMs: NOW_MS, random: 1 });

describe("decide", () => {
  test("success moves past the batch and lets batches grow again", () => {
    expect(after({ kind: "done" }, 4, { batchSize: 8, attempts: 2, faults: 5 })).toEqual({
      advance: 4,
      giveUp: undefined,
      delayMs: 0,
      next: { batchSize: 16, attempts: 0, faults: 0 },
    });
  });

  test("a reported failure moves to the named record", () => {
    expect(after({ kind: "failedAt", index: 3 }, 10)).toMatchObject({ advance: 3, next: { attempts: 1 } });
  });

  test("the record at the head is retried, then retried alone, then sent to the failure destination", () => {
    const head: Outcome = { kind: "failedAt", index: 0 };
    const first = after(head, 10);
    expect(first).toMatchObject({ advance: 0, next: { attempts: 1, batchSize: 100 } });
    const second = after(head, 10, first.next);
    expect(second).toMatchObject({ advance: 0, next: { attempts: 2, batchSize: 1 } });
    const third = after(head, 1, second.next);
    expect(third).toMatchObject({ advance: 0, giveUp: undefined, next: { attempts: 3 } });
    expect(after(head, 1, third.next)).toMatchObject({
      advance: 1,
      giveUp: { count: 1, reason: "RetryAttemptsExhausted" },
      next: { attempts: 0 },
    });
  });

  test("a batch that is reported as bad is halved immediately, without using up attempts", () => {
    const bad: Outcome = { kind: "dataFault", problem: "bad" };
    expect(after(bad, 9)).toMatchObject({ advance: 0, delayMs: 0, next: { batchSize: 4, attempts: 0 } });
    expect(after(bad, 1)).toMatchObject({ advance: 0, next: { attempts: 1 } });
  });

  test.each([
    [0, 200],
    [1, 400],
    [5, 6_400],
    [30, 30_000],
  ])(
    "after %i faults of the environment it waits %i ms and never sends a young record to the failure destination",
    (faults, delayMs) => {
      const decision = after({ kind: "infrastructureFault", problem: "down" }, 10, { ...fresh, faults });
      expect(decision).toEqual({ advance: 0, giveUp: undefined, delayMs, next: { ...fresh, faults: faults + 1 } });
    },
  );

  test("after a fault of the environment only records older than the retention go to the failure destination", () => {
    const old = settings.maximumRecordAgeMs + 1;
    const arrivalsMs = [...arrivals(2, old), ...arrivals(3)];
    expect(after({ kind: "infrastructureFault", problem: "down" }, 5, fresh, arrivalsMs)).toMatchObject({
      advance: 2,
      giveUp: { count: 2, reason: "RecordAgeExceeded" },
    });
    expect(after({ kind: "done" }, 5, fresh, arrivalsMs)).toMatchObject({ advance: 5, giveUp: undefined });
  });
});
