/**
 * Lists every limit of the library. The limits of an event and of a request do not exceed the collector's own limits
 * (32 KiB per event, 2,500 events and 1 MiB per body), so that no request of this library is refused for its size.
 */
export const LIMITS = {
  /** A request starts as soon as this many events wait. */
  flushAtEvents: 20,
  /** A waiting event starts a request after this time at the latest. */
  flushIntervalMs: 1_000,
  maxBatchEvents: 500,
  maxBatchBytes: 500 * 1_024,
  /** Browsers allow 64 KiB of beacons and keepalive requests in progress at the same time. The rest is for the envelope. */
  maxBeaconBytes: 60 * 1_024,
  maxEventBytes: 32 * 1_024,
  /** Queued events, in memory and in storage. Above this the oldest event is dropped and reported. */
  maxQueueEvents: 1_000,
  /** For one request, including the body of its answer. */
  requestTimeoutMs: 10_000,
  /** How long `flush()` and `close()` wait for the collector by default. */
  flushTimeoutMs: 10_000,
  minRetryDelayMs: 500,
  maxRetryDelayMs: 60_000,
  /** A longer `Retry-After` is capped at this value, so that a wrong answer cannot silence a page for days. */
  maxRetryAfterMs: 3_600_000,
  /** A session ends after this long without an event. */
  sessionIdleMs: 30 * 60_000,
} as const;
