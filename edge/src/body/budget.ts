// How much of an isolate's memory bodies may hold. Every tenant shares the isolate, so one client must not take all of it: a
// body is charged for what has arrived, and where room is short those that arrive slowly make room for others. Plain state:
// requests never wait for each other here. docs/adr/014-budgets-of-an-isolate.md

import { LIMITS, TUNINGS } from "@behaviour/contract";

/** Bytes of bodies that all requests of this isolate hold now. */
let heldBytes = 0;
/** Those of which more is to come, oldest first. */
const arriving = new Set<Reservation>();

/** What one request holds, until it is answered. */
export class Reservation {
  /** What has arrived. Emptied when the reservation is taken away: that is what frees the memory. */
  readonly chunks: Uint8Array[] = [];
  #bytes = 0;
  #isTakenAway = false;
  #lastAtMs = Date.now();
  /** Where its pace is measured from: moves on every `bodySlowAfterMs`, so that a fast beginning is no credit for ever. */
  #mark = { atMs: this.#lastAtMs, bytes: 0 };
  #wasSlow = false;

  /** Room it leaves to small bodies. */
  readonly #leftBytes: number;

  constructor(isSmall: boolean) {
    this.#leftBytes = isSmall ? 0 : LIMITS.isolateSmallBodyBytes;
  }

  /**
   * Begins a body that is charged as it arrives. A body may begin if the budget has room for the whole body now. The room is not
   * reserved, because a client can declare a body and send nothing. Without this condition a flood of large bodies would refuse
   * each of them half-way, and none would finish.
   * @param mostBytes what the body can need in all: its declared length, or the limit of a compressed or undeclared body
   * @returns null when the body may not begin now.
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

  /** The body is complete: what it needs from now on is charged at once. */
  complete(): void {
    arriving.delete(this);
  }

  /** @returns false when the budget is spent; nothing more is taken then. */
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

  /** Bytes that can be had by taking it away: those of a body that comes slowly, or not at all. */
  slowBytes(nowMs: number): number {
    const isStalled = nowMs - this.#lastAtMs >= TUNINGS.bodySlowAfterMs;
    return isStalled || this.#isSlow(nowMs) ? this.#bytes : 0;
  }

  /**
   * Of large bodies that arrive together the one that has most of itself here goes on: were whoever comes last to the end of the
   * room refused, a flood could refuse each of them half-way.
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

/** Only when it is enough: else nobody is refused in vain. */
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
