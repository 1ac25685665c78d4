// Token buckets by key. One second's worth may come at once; what is larger than the rest is still taken whole and paid for
// afterwards, so that no batch is too large to ever pass.

interface RateClaim {
  keyId: string;
  eventsPerSecond: number;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** A bucket that is full again is as good as none. */
const MAX_BUCKETS = 1_000;

export class RateBuckets {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes `tokens` from the key's bucket. @returns 0, or the whole seconds until it is worth trying again. */
  take(claim: RateClaim, tokens: number, nowMs: number): number {
    const refusedForSeconds = this.refusedForSeconds(claim, nowMs);
    if (refusedForSeconds === 0) this.charge(claim, tokens, nowMs);
    return refusedForSeconds;
  }

  /** @returns 0 while anything is left, or the whole seconds until it is worth trying again. */
  refusedForSeconds(claim: RateClaim, nowMs: number): number {
    const { tokens } = this.#filled(claim, nowMs);
    return tokens > 0 ? 0 : Math.max(1, Math.ceil((1 - tokens) / claim.eventsPerSecond));
  }

  charge(claim: RateClaim, tokens: number, nowMs: number): void {
    this.#filled(claim, nowMs).tokens -= tokens;
  }

  #filled({ keyId, eventsPerSecond }: RateClaim, nowMs: number): Bucket {
    const bucket = this.#buckets.get(keyId) ?? { tokens: eventsPerSecond, filledAtMs: nowMs };
    // A clock that goes back takes nothing away.
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

/** Of this isolate: for requests that no shard counts against the key's limit. */
const ofIsolate = new RateBuckets();

/**
 * Takes from the key's bucket in this isolate, for a request that brings no event to a shard (only invalid ones, a consent
 * record). A key's real limit is the shards'; this one bounds what a key can make one isolate do.
 * @returns 0, or the whole seconds for `Retry-After` of a 429.
 */
export function takeInIsolate(key: { id: string; rateLimit: number }, tokens: number, nowMs: number): number {
  return ofIsolate.take({ keyId: key.id, eventsPerSecond: key.rateLimit }, tokens, nowMs);
}
