// Enforces the limit of one key in one region, for a project of several shards. The shards lease tokens here, so the limit
// applies to the key and not to each shard's share, whichever shards its events go to. The tokens are in memory only. A limiter
// that lost its memory begins with a full bucket. ADR 016.

import { PlacedObject } from "../placement/placed-object.ts";

export interface LeaseRequest {
  /** The key's whole limit. */
  eventsPerSecond: number;
  /** Events accepted beyond the leased tokens. They are charged in any case. */
  spent: number;
  wanted: number;
}

export interface Lease {
  granted: number;
  /** If less was granted than wanted, asking again is useless for this long. */
  emptyForMs: number;
}

/** While tokens are short, each shard asks at most five times a second. */
const EMPTY_MIN_MS = 200;

/** A burst may use the tokens of one second. */
export class LeaseBucket {
  #tokens = Number.POSITIVE_INFINITY;
  #filledAtMs = 0;

  lease({ eventsPerSecond, spent, wanted }: LeaseRequest, nowMs: number): Lease {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    const filled = Math.min(eventsPerSecond, this.#tokens + (elapsedMs / 1_000) * eventsPerSecond) - spent;
    this.#filledAtMs = nowMs;
    // Grant whole events only. A tenth of an event is useless.
    const granted = Math.max(0, Math.min(Math.ceil(wanted), Math.floor(filled)));
    this.#tokens = filled - granted;
    if (granted >= wanted) return { granted, emptyForMs: 0 };
    const missing = 1 - this.#tokens;
    return { granted, emptyForMs: Math.max(EMPTY_MIN_MS, (missing / eventsPerSecond) * 1_000) };
  }
}

export class RateLimiter extends PlacedObject {
  readonly #bucket = new LeaseBucket();

  async lease(request: LeaseRequest): Promise<Lease> {
    return this.#bucket.lease(request, Date.now());
  }
}
