// Enforces the limits of keys in one shard. A project's only shard counts exactly. If there are several, each shard has a tenth
// of its share for itself, so that a key far below its limit needs no call. It leases the rest from the key's limiter
// (rate-limiter.ts): in the background while tokens last, before an append when there are no tokens. If a limiter does not
// answer, each shard has its share. ADR 016.

import { RateBuckets } from "../rate-bucket.ts";
import type { Lease, LeaseRequest } from "./rate-limiter.ts";

export interface RateClaim {
  keyId: string;
  /** The key's whole limit in this region. */
  eventsPerSecond: number;
  /** Number of the project's shards in this region. */
  shards: number;
}

/** Asks the key's limiter. */
export type AskLimiter = (keyId: string, request: LeaseRequest) => Promise<Lease>;

const OWN_PART = 0.1;
/** Leased tokens that were not used expire after this time, because other shards could use them. */
const LEASE_MS = 1_000;
/** A lease that is used up in less time was too small. */
const LEASE_TOO_SMALL_MS = 200;
/** First lease, as a part of the key's limit per second. */
const FIRST_LEASE_PART = 1 / 20;
const LIMITER_DEADLINE_MS = 500;
const FALLBACK_MS = 1_000;
const KEYS_MAX = 1_000;

interface Pause {
  sinceMs: number;
  forMs: number;
}

const NO_PAUSE: Pause = { sinceMs: 0, forMs: 0 };

/** A clock that was set back ends the pause, which could otherwise last for an hour. */
function isOn({ sinceMs, forMs }: Pause, nowMs: number): boolean {
  return nowMs >= sinceMs && nowMs - sinceMs < forMs;
}

class KeyLimit {
  readonly #ask: AskLimiter;
  #claim: RateClaim;
  #own: number;
  #ownAtMs: number;
  #leased = 0;
  #leasedAtMs = Number.NEGATIVE_INFINITY;
  #chunk: number;
  /** Events accepted beyond the available tokens. */
  #spent = 0;
  /** Events of appends that wait for a lease. */
  #awaited = 0;
  #leasing: Promise<void> | null = null;
  /** Pauses in which the limiter is not asked: it had no tokens left, or it did not answer. */
  #closed: Pause = NO_PAUSE;
  #fallingBack: Pause = NO_PAUSE;
  readonly #fallback = new RateBuckets();

  constructor(claim: RateClaim, ask: AskLimiter, nowMs: number) {
    this.#ask = ask;
    this.#claim = claim;
    this.#own = this.#share;
    this.#ownAtMs = nowMs;
    this.#chunk = Math.max(1, Math.ceil(claim.eventsPerSecond * FIRST_LEASE_PART));
  }

  /** A changed key record has another limit. */
  set claim(claim: RateClaim) {
    this.#claim = claim;
  }

  get #share(): number {
    return Math.max(1, this.#claim.eventsPerSecond / this.#claim.shards);
  }

  /** Null when there are tokens to judge by, or a pause; otherwise wait for the promise first. */
  ready(events: number, nowMs: number): Promise<void> | null {
    this.#refill(nowMs);
    if (this.#hasTokens || this.#isClosed(nowMs)) return null;
    this.#awaited += events;
    return this.#lease();
  }

  refusedForSeconds(nowMs: number): number {
    this.#refill(nowMs);
    if (this.#hasTokens) return 0;
    if (isOn(this.#fallingBack, nowMs)) return this.#fallback.refusedForSeconds(this.#shareClaim, nowMs);
    return Math.max(1, Math.ceil(this.#closed.forMs / 1_000));
  }

  /** An append that is larger than the remaining tokens is accepted as a whole, and the key pays for it afterwards. */
  charge(events: number, nowMs: number): void {
    if (events === 0) return;
    if (this.#leased > 0) {
      this.#leased -= events;
      if (this.#leased <= 0 && nowMs - this.#leasedAtMs < LEASE_TOO_SMALL_MS) this.#chunk *= 2;
    } else if (this.#own >= 1) this.#own -= events;
    else if (isOn(this.#fallingBack, nowMs)) this.#fallback.charge(this.#shareClaim, events, nowMs);
    else this.#spent += events;
    this.#spent += Math.max(0, -this.#leased) + Math.max(0, -this.#own);
    this.#leased = Math.max(0, this.#leased);
    this.#own = Math.max(0, this.#own);
    const runsOut = this.#leasedAtMs > nowMs - LEASE_MS && this.#leased < this.#chunk / 2;
    if ((runsOut || this.#spent > 0) && !this.#isClosed(nowMs)) void this.#lease();
  }

  /**
   * Only whole tokens of the shard's own count. If fractions counted, the refill between appends would suffice and nothing would
   * be paid.
   */
  get #hasTokens(): boolean {
    return this.#leased > 0 || this.#own >= 1;
  }

  #refill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#ownAtMs);
    this.#own = Math.min(this.#share, this.#own + (elapsedMs / 1_000) * this.#share * OWN_PART);
    this.#ownAtMs = nowMs;
    if (this.#leased === 0 || Math.abs(nowMs - this.#leasedAtMs) < LEASE_MS) return;
    this.#leased = 0;
    this.#chunk = Math.max(1, Math.floor(this.#chunk / 2));
  }

  #isClosed(nowMs: number): boolean {
    return isOn(this.#closed, nowMs) || isOn(this.#fallingBack, nowMs);
  }

  get #shareClaim() {
    return { keyId: this.#claim.keyId, eventsPerSecond: this.#share };
  }

  /** One call at a time. Never rejects. */
  #lease(): Promise<void> {
    this.#leasing ??= this.#call().finally(() => {
      this.#leasing = null;
    });
    return this.#leasing;
  }

  async #call(): Promise<void> {
    const { keyId, eventsPerSecond } = this.#claim;
    this.#chunk = Math.min(this.#chunk, Math.max(1, eventsPerSecond));
    // Appends that arrive before the call is made are part of the call.
    await Promise.resolve();
    const request = { eventsPerSecond, spent: this.#spent, wanted: Math.max(this.#chunk, this.#awaited) };
    this.#spent = 0;
    this.#awaited = 0;
    try {
      const { granted, emptyForMs } = await within(LIMITER_DEADLINE_MS, this.#ask(keyId, request));
      this.#leased += granted;
      this.#leasedAtMs = Date.now();
      this.#closed = { sinceMs: this.#leasedAtMs, forMs: emptyForMs };
    } catch {
      this.#fallingBack = { sinceMs: Date.now(), forMs: FALLBACK_MS };
    }
  }
}

async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the limiter does not answer")), ms);
  });
  try {
    return await Promise.race([call, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

export class RateLimit {
  readonly #ask: AskLimiter;
  readonly #alone = new RateBuckets();
  readonly #keys = new Map<string, KeyLimit>();

  constructor(ask: AskLimiter) {
    this.#ask = ask;
  }

  /** Null when the append can be judged now; otherwise a promise to wait for. It never rejects. */
  ready(claim: RateClaim, events: number, nowMs: number): Promise<void> | null {
    return claim.shards > 1 ? this.#of(claim, nowMs).ready(events, nowMs) : null;
  }

  /** @returns 0, or the whole seconds until it is worth trying again. */
  refusedForSeconds(claim: RateClaim, nowMs: number): number {
    if (claim.shards > 1) return this.#of(claim, nowMs).refusedForSeconds(nowMs);
    return this.#alone.refusedForSeconds(claim, nowMs);
  }

  charge(claim: RateClaim, events: number, nowMs: number): void {
    if (claim.shards > 1) this.#of(claim, nowMs).charge(events, nowMs);
    else this.#alone.charge(claim, events, nowMs);
  }

  #of(claim: RateClaim, nowMs: number): KeyLimit {
    let limit = this.#keys.get(claim.keyId);
    if (limit === undefined) {
      // A shard's keys belong to one project, so there are few.
      if (this.#keys.size >= KEYS_MAX) this.#keys.clear();
      limit = new KeyLimit(claim, this.#ask, nowMs);
      this.#keys.set(claim.keyId, limit);
    }
    limit.claim = claim;
    return limit;
  }
}
