// Measures waits with a clock that may be set. In workerd `performance.now()` is `Date.now()`: it does not advance within a turn,
// and jumps when the machine's clock is corrected, back or forward. So a period that began in the future counts as over. If it
// were clamped to its length instead, it would be checked again and again, and restart each time.

/** The time until `periodMs` after `sinceMs`: between 0 and the period, even if the clock was set. */
export function waitLeftMs(sinceMs: number, periodMs: number, nowMs: number): number {
  return isOver(sinceMs, periodMs, nowMs) ? 0 : sinceMs + periodMs - nowMs;
}

/** Whether the period is over. A period that starts in the future can't be measured, so it counts as over. */
export function isOver(sinceMs: number, periodMs: number, nowMs: number): boolean {
  const agoMs = nowMs - sinceMs;
  return agoMs < 0 || agoMs >= periodMs;
}

/** The time since `sinceMs`: between 0 and `mostMs`. */
export function elapsedMs(sinceMs: number, nowMs: number, mostMs: number): number {
  return Math.min(mostMs, Math.max(0, nowMs - sinceMs));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
