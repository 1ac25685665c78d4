/**
 * Every bound of the library in one place. Those of one event and one request stay below the collector's own
 * (32 KiB an event, 2,500 events and 1 MiB a body), so that no request of this library is refused for its size.
 */
export const LIMITS = {
  /** A request starts as soon as this many events wait. */
  flushAtEvents: 20,
  /** A waiting event starts a request after this time at the latest. */
  flushIntervalMs: 1_000,
  maxBatchEvents: 500,
  maxBatchBytes: 500 * 1_024,
  /** Browsers let 64 KiB of beacons and keepalive requests be under way at once; the rest is for the envelope. */
  maxBeaconBytes: 60 * 1_024,
  maxEventBytes: 32 * 1_024,
  /** Waiting events, in memory and in storage; beyond it the oldest is dropped and reported. */
  maxQueueEvents: 1_000,
  /** One request, its answer's body included. */
  requestTimeoutMs: 10_000,
  /** How long `flush()` and `close()` wait for the collector unless told otherwise. */
  flushTimeoutMs: 10_000,
  minRetryDelayMs: 500,
  maxRetryDelayMs: 60_000,
  /** A longer `Retry-After` is cut to this, so that a mistaken answer cannot silence a page for days. */
  maxRetryAfterMs: 3_600_000,
  /** A session ends after this long without an event. */
  sessionIdleMs: 30 * 60_000,
} as const;
