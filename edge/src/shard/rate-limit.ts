// A token bucket a key: exact, because a shard is one thread. One second's worth of events may come at once; a request larger
// than what is left is still taken whole and paid for afterwards, so that no batch is too large to ever pass.

import type { RateClaim } from "./shard.ts";

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** Keys of a shard are one project's; a bucket that is full again is as good as none. */
const MAX_BUCKETS = 1_000;

export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes `events` from the key's bucket. @returns 0, or the whole seconds until it is worth trying again. */
  take({ keyId, eventsPerSecond }: RateClaim, events: number, nowMs: number): number {
    const bucket = this.#buckets.get(keyId) ?? { tokens: eventsPerSecond, filledAtMs: nowMs };
    const filled = bucket.tokens + ((nowMs - bucket.filledAtMs) / 1_000) * eventsPerSecond;
    const tokens = Math.min(eventsPerSecond, filled);
    if (tokens <= 0) {
      this.#set(keyId, { tokens, filledAtMs: nowMs });
      return Math.max(1, Math.ceil((1 - tokens) / eventsPerSecond));
    }
    this.#set(keyId, { tokens: tokens - events, filledAtMs: nowMs });
    return 0;
  }

  #set(keyId: string, bucket: Bucket): void {
    if (!this.#buckets.has(keyId) && this.#buckets.size >= MAX_BUCKETS) this.#buckets.clear();
    this.#buckets.set(keyId, bucket);
  }
}
