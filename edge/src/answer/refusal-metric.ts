// Counts `I8Refused` (contract/src/invariants.ts): requests answered 429 or 503 because something was full. Each isolate
// counts, and at most once a minute writes a line in CloudWatch's embedded metric format, as the functions do.
// The first refusal after a quiet minute is written immediately, so that an alarm is not delayed. Later refusals are written
// with the first refusal or cron run after that minute. An isolate that is evicted before then loses the rest of its count.

import type { ErrorCode } from "@behaviour/contract";

export const METRIC = "I8Refused";
const WRITE_EVERY_MS = 60_000;
/** `unavailable` is not counted: a dependency does not answer, but nothing is full. */
const FULL: ReadonlySet<ErrorCode> = new Set(["rate_limited", "overloaded", "storage_full"]);

const counts = new Map<ErrorCode, number>();
let writtenAtMs = Number.NEGATIVE_INFINITY;

export function countRefused(code: ErrorCode, nowMs: number): void {
  if (!FULL.has(code)) return;
  counts.set(code, (counts.get(code) ?? 0) + 1);
  writeRefused(nowMs);
}

/** Writes the counts if there are any and the last write was a minute ago. */
export function writeRefused(nowMs: number): void {
  if (counts.size === 0 || nowMs - writtenAtMs < WRITE_EVERY_MS) return;
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const metrics = [{ Namespace: "behaviour", Dimensions: [["service"]], Metrics: [{ Name: METRIC, Unit: "Count" }] }];
  const line = {
    _aws: { Timestamp: nowMs, CloudWatchMetrics: metrics },
    service: "edge",
    [METRIC]: total,
    codes: Object.fromEntries(counts),
  };
  console.log(JSON.stringify(line));
  counts.clear();
  writtenAtMs = nowMs;
}
