// Waiting by a clock that may be set. In workerd `performance.now()` is `Date.now()`: it stands still within a turn and jumps when
// the machine's clock is put right, back or forth. So a period that began in the future is over: clamped to its length it would
// still be looked at again and again, and begin anew each time.

/** How long until `periodMs` after `sinceMs`: between 0 and the period, whatever became of the clock. */
export function waitLeftMs(sinceMs: number, periodMs: number, nowMs: number): number {
  return isOver(sinceMs, periodMs, nowMs) ? 0 : sinceMs + periodMs - nowMs;
}

/** Whether the period is over. A start in the future cannot be measured: then it is. */
export function isOver(sinceMs: number, periodMs: number, nowMs: number): boolean {
  const agoMs = nowMs - sinceMs;
  return agoMs < 0 || agoMs >= periodMs;
}

/** What has passed since: between 0 and `mostMs`. */
export function elapsedMs(sinceMs: number, nowMs: number, mostMs: number): number {
  return Math.min(mostMs, Math.max(0, nowMs - sinceMs));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
