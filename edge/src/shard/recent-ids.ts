// What a shard keeps of message ids in memory: the newest, 8 bytes each, in two generations of an open-addressing table.
// When the younger is full it becomes the elder and the elder is forgotten; how far back memory reaches is known exactly,
// so that an event that could be older is looked up on disk (segments.ts). DESIGN E5.

import { ID_HASH_BYTES, LIMITS } from "@behaviour/contract";

const FIRST_CAPACITY = 1_024;

/** Slots of two 32-bit halves; at most half of them are in use. A zero hash stands for an empty slot: see `nonZero`. */
class IdTable {
  count = 0;
  #capacity = FIRST_CAPACITY;
  #slots = new Uint32Array(FIRST_CAPACITY * 2);

  has(high: number, low: number): boolean {
    return this.#slots[this.#find(high, low) + 1] !== 0;
  }

  add(high: number, low: number): void {
    if ((this.count + 1) * 2 > this.#capacity) this.#grow();
    const at = this.#find(high, low);
    if (this.#slots[at + 1] !== 0) return;
    this.#slots[at] = high;
    this.#slots[at + 1] = low;
    this.count++;
  }

  /** Where the id stands, or the empty slot where it would. */
  #find(high: number, low: number): number {
    const mask = this.#capacity - 1;
    let slot = (low ^ (high >>> 7)) & mask;
    for (;;) {
      const at = slot * 2;
      const storedLow = this.#slots[at + 1];
      if (storedLow === 0 || (storedLow === low && this.#slots[at] === high)) return at;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#capacity *= 2;
    this.#slots = new Uint32Array(this.#capacity * 2);
    for (let at = 0; at < old.length; at += 2) {
      const low = old[at + 1] as number;
      if (low === 0) continue;
      const target = this.#find(old[at] as number, low);
      this.#slots[target] = old[at] as number;
      this.#slots[target + 1] = low;
    }
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }
}

export class RecentIds {
  #younger = new IdTable();
  #elder = new IdTable();
  /** Epoch milliseconds: every id taken at or after this is in memory. */
  #youngerSinceMs: number;
  #reachMs: number;
  readonly #generationIds: number;

  constructor(reachMs: number, memoryIds: number = LIMITS.dedupeMemoryIds) {
    this.#reachMs = reachMs;
    this.#youngerSinceMs = reachMs;
    this.#generationIds = memoryIds / 2;
  }

  get reachMs(): number {
    return this.#reachMs;
  }

  get bytes(): number {
    return this.#younger.bytes + this.#elder.bytes;
  }

  /** Indices of the ids that are known, of ids side by side. */
  known(ids: Uint8Array): number[] {
    const view = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
    const indices: number[] = [];
    for (let at = 0; at < ids.byteLength; at += ID_HASH_BYTES) {
      const high = view.getUint32(at);
      const low = nonZero(view.getUint32(at + 4));
      if (this.#younger.has(high, low) || this.#elder.has(high, low)) indices.push(at / ID_HASH_BYTES);
    }
    return indices;
  }

  add(ids: Uint8Array, nowMs: number): void {
    const view = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
    for (let at = 0; at < ids.byteLength; at += ID_HASH_BYTES) {
      if (this.#younger.count >= this.#generationIds) this.#turn(nowMs);
      this.#younger.add(view.getUint32(at), nonZero(view.getUint32(at + 4)));
    }
  }

  #turn(nowMs: number): void {
    this.#elder = this.#younger;
    this.#reachMs = this.#youngerSinceMs;
    this.#younger = new IdTable();
    this.#youngerSinceMs = nowMs;
  }
}

function nonZero(low: number): number {
  return low === 0 ? 1 : low;
}
