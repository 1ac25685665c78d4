// The limit of one key in one region, for a project of several shards: they lease tokens here, so that the limit is the key's and
// not each shard's share, whichever of them its events go to. In memory only: a limiter that lost it begins with a full bucket.
// ADR 016.

import { PlacedObject } from "../placement/placed-object.ts";

export interface LeaseRequest {
  /** The key's whole limit. */
  eventsPerSecond: number;
  /** Taken beyond what was leased: paid for in any case. */
  spent: number;
  wanted: number;
}

export interface Lease {
  granted: number;
  /** When less was granted than was wanted: how long it is of no use to ask again. */
  emptyForMs: number;
}

/** Each shard asks at most five times a second while there is not enough. */
const EMPTY_MIN_MS = 200;

/** One second's worth may come at once. */
export class LeaseBucket {
  #tokens = Number.POSITIVE_INFINITY;
  #filledAtMs = 0;

  lease({ eventsPerSecond, spent, wanted }: LeaseRequest, nowMs: number): Lease {
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    const filled = Math.min(eventsPerSecond, this.#tokens + (elapsedMs / 1_000) * eventsPerSecond) - spent;
    this.#filledAtMs = nowMs;
    // Whole events only: a tenth of one is no use to anybody.
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
