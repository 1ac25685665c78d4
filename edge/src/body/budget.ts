// Limits how much of an isolate's memory bodies may hold. Every tenant shares the isolate, so one client must not use all of it.
// A body is charged for the bytes that have arrived. When room is short, slow bodies are ended to make room for others.
// The state is plain: requests never wait for each other here. docs/adr/014-budgets-of-an-isolate.md

import { LIMITS, TUNINGS } from "@behaviour/contract";

/** Bytes of bodies that all requests of this isolate hold at present. */
let heldBytes = 0;
/** Reservations of bodies that are still arriving, oldest first. */
const arriving = new Set<Reservation>();

/** The bytes that one request holds, until it is answered. */
export class Reservation {
  /** The pieces that have arrived. When the reservation is taken away, emptying this array frees the memory. */
  readonly chunks: Uint8Array[] = [];
  #bytes = 0;
  #isTakenAway = false;
  #lastAtMs = Date.now();
  /** Start of the rate measurement. It moves every `bodySlowAfterMs`, so that a fast beginning does not count forever. */
  #mark = { atMs: this.#lastAtMs, bytes: 0 };
  #wasSlow = false;

  /** Bytes that this body leaves free for small bodies. */
  readonly #leftBytes: number;

  constructor(isSmall: boolean) {
    this.#leftBytes = isSmall ? 0 : LIMITS.isolateSmallBodyBytes;
  }

  /**
   * Begins a body that is charged as it arrives. A body may begin if the budget has room for the whole body now. The room is
   * not reserved, because a client can declare a body and send nothing. Without this condition each body of a flood of large
   * bodies would be refused half-way, and no body would ever finish.
   * @param mostBytes the body's declared length, or the limit of a compressed or undeclared body
   * @returns null if the body may not begin now
   */
  static begin(isSmall: boolean, mostBytes: number): Reservation | null {
    if (!isSmall) {
      const missing = heldBytes + mostBytes + LIMITS.isolateSmallBodyBytes - LIMITS.isolateBodyBytes;
      if (missing > 0 && !takeFromSlow(missing, null)) return null;
    }
    const reservation = new Reservation(isSmall);
    arriving.add(reservation);
    return reservation;
  }

  /** Marks the body as complete. Memory that it needs from now on is charged in one step. */
  complete(): void {
    arriving.delete(this);
  }

  /** @returns false if the budget is used up or the reservation was taken away. Nothing more is charged then. */
  growTo(bytes: number): boolean {
    if (this.#isTakenAway) return false;
    const more = bytes - this.#bytes;
    if (more <= 0) return true;
    const missing = heldBytes + more + this.#leftBytes - LIMITS.isolateBodyBytes;
    if (missing > 0 && !takeFromSlow(missing, this) && !this.#takeFromSmaller(missing)) return false;
    this.#measure(Date.now());
    heldBytes += more;
    this.#bytes = bytes;
    return true;
  }

  release(): void {
    arriving.delete(this);
    heldBytes -= this.#bytes;
    this.#bytes = 0;
    this.chunks.length = 0;
  }

  #measure(nowMs: number): void {
    this.#lastAtMs = nowMs;
    if (nowMs - this.#mark.atMs < TUNINGS.bodySlowAfterMs) return;
    this.#wasSlow = this.#isSlow(nowMs);
    this.#mark = { atMs: nowMs, bytes: this.#bytes };
  }

  #isSlow(nowMs: number): boolean {
    const measuredMs = nowMs - this.#mark.atMs;
    if (measuredMs < TUNINGS.bodySlowAfterMs) return this.#wasSlow;
    return (this.#bytes - this.#mark.bytes) * 1_000 < measuredMs * TUNINGS.bodySlowBytesPerSecond;
  }

  /** Bytes that would be freed by taking the reservation away; 0 unless the body arrives slowly or has stopped. */
  slowBytes(nowMs: number): number {
    const isStalled = nowMs - this.#lastAtMs >= TUNINGS.bodySlowAfterMs;
    return isStalled || this.#isSlow(nowMs) ? this.#bytes : 0;
  }

  /**
   * When large bodies arrive together, the body with the most received bytes continues. If the body that reaches the limit were
   * refused instead, a flood could refuse each of them half-way.
   */
  #takeFromSmaller(bytes: number): boolean {
    if (this.#leftBytes === 0) return false;
    const smaller: Reservation[] = [];
    let found = 0;
    for (const other of arriving) {
      if (other.#leftBytes === 0 || other.#bytes === 0 || other.#bytes >= this.#bytes) continue;
      smaller.push(other);
      found += other.#bytes;
    }
    if (found < bytes) return false;
    smaller.sort((a, b) => a.#bytes - b.#bytes);
    let freed = 0;
    for (const other of smaller) {
      if (freed >= bytes) break;
      freed += other.#bytes;
      other.takeAway();
    }
    return true;
  }

  takeAway(): void {
    this.release();
    this.#isTakenAway = true;
  }
}

/** Takes slow reservations away only if this frees enough bytes. Otherwise requests would be refused in vain. */
function takeFromSlow(bytes: number, taker: Reservation | null): boolean {
  const nowMs = Date.now();
  const slow: Reservation[] = [];
  let found = 0;
  for (const reservation of arriving) {
    const slowBytes = reservation === taker ? 0 : reservation.slowBytes(nowMs);
    if (slowBytes === 0) continue;
    slow.push(reservation);
    found += slowBytes;
    if (found >= bytes) break;
  }
  if (found < bytes) return false;
  for (const reservation of slow) reservation.takeAway();
  return true;
}
