// Limits the rate of each key with a token bucket. A bucket holds one second's tokens. A batch that is larger than the remaining
// tokens is still accepted as a whole and paid for afterwards, so that no batch is too large to ever pass.

interface RateClaim {
  keyId: string;
  eventsPerSecond: number;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** Above this number all buckets are dropped. A full bucket and a dropped bucket are equivalent. */
const MAX_BUCKETS = 1_000;

export class RateBuckets {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes `tokens` from the key's bucket. @returns 0, or the whole seconds after which a retry may succeed. */
  take(claim: RateClaim, tokens: number, nowMs: number): number {
    const refusedForSeconds = this.refusedForSeconds(claim, nowMs);
    if (refusedForSeconds === 0) this.charge(claim, tokens, nowMs);
    return refusedForSeconds;
  }

  /** @returns 0 while the bucket has tokens, or the whole seconds after which a retry may succeed. */
  refusedForSeconds(claim: RateClaim, nowMs: number): number {
    const { tokens } = this.#filled(claim, nowMs);
    return tokens > 0 ? 0 : Math.max(1, Math.ceil((1 - tokens) / claim.eventsPerSecond));
  }

  charge(claim: RateClaim, tokens: number, nowMs: number): void {
    this.#filled(claim, nowMs).tokens -= tokens;
  }

  #filled({ keyId, eventsPerSecond }: RateClaim, nowMs: number): Bucket {
    const bucket = this.#buckets.get(keyId) ?? { tokens: eventsPerSecond, filledAtMs: nowMs };
    // A clock that was set back removes no tokens.
    const elapsedMs = Math.max(0, nowMs - bucket.filledAtMs);
    bucket.tokens = Math.min(eventsPerSecond, bucket.tokens + (elapsedMs / 1_000) * eventsPerSecond);
    bucket.filledAtMs = nowMs;
    this.#set(keyId, bucket);
    return bucket;
  }

  #set(keyId: string, bucket: Bucket): void {
    if (!this.#buckets.has(keyId) && this.#buckets.size >= MAX_BUCKETS) this.#buckets.clear();
    this.#buckets.set(keyId, bucket);
  }
}

/** The buckets of this isolate, for requests that no shard counts against the key's limit. */
const ofIsolate = new RateBuckets();

/**
 * Takes from the key's bucket in this isolate, for a request that brings no event to a shard (only invalid events, or a consent
 * record). Shards enforce a key's real limit. This limit bounds the work that a key can cause in one isolate.
 * @returns 0, or the whole seconds for `Retry-After` of a 429.
 */
export function takeInIsolate(key: { id: string; rateLimit: number }, tokens: number, nowMs: number): number {
  return ofIsolate.take({ keyId: key.id, eventsPerSecond: key.rateLimit }, tokens, nowMs);
}
