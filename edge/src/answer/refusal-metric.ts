// `I8Refused` (contract/src/invariants.ts): requests answered 429 or 503 because something was full. Counted in the
// isolate and written at most once a minute, as a line in CloudWatch's embedded metric format like the functions write.
// The first refusal after a quiet minute is written at once, so that an alarm need not wait; what follows it, by the first
// refusal or cron run after that minute. An isolate that is evicted in between takes the rest of its count with it.

import type { ErrorCode } from "@behaviour/contract";

export const METRIC = "I8Refused";
const WRITE_EVERY_MS = 60_000;
/** `unavailable` is no sign of fullness: something does not answer at all. */
const FULL: ReadonlySet<ErrorCode> = new Set(["rate_limited", "overloaded", "storage_full"]);

const counts = new Map<ErrorCode, number>();
let writtenAtMs = Number.NEGATIVE_INFINITY;

export function countRefused(code: ErrorCode, nowMs: number): void {
  if (!FULL.has(code)) return;
  counts.set(code, (counts.get(code) ?? 0) + 1);
  writeRefused(nowMs);
}

/** Writes what was counted, if there is anything and it is time. */
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
