// Stores which copy of a message was registered first: a hash table from a message's 64-bit hash to its owner's 32 bits, in typed
// arrays. A `Map` of a million entries takes five times the memory.

import { ID_HASH_BYTES } from "@behaviour/contract";

const MIN_SLOTS = 1_024;
const MAX_LOAD = 0.6;

export class IdTable {
  #high: Uint32Array;
  #low: Uint32Array;
  #owner: Uint32Array;
  /** 0 marks an empty slot, because every value of the other three arrays can occur. */
  #used: Uint8Array;
  #size = 0;

  constructor(expected = 0) {
    let slots = MIN_SLOTS;
    while (slots * MAX_LOAD < expected) slots *= 2;
    this.#high = new Uint32Array(slots);
    this.#low = new Uint32Array(slots);
    this.#owner = new Uint32Array(slots);
    this.#used = new Uint8Array(slots);
  }

  get size(): number {
    return this.#size;
  }

  /** @returns the owner, or undefined if the message is not registered. */
  get(high: number, low: number): number | undefined {
    const slot = this.#find(high, low);
    return this.#used[slot] === 1 ? this.#owner[slot] : undefined;
  }

  /** @param replace true for an older registration, which replaces the present owner */
  set(high: number, low: number, owner: number, replace: boolean): void {
    if (this.#size >= this.#used.length * MAX_LOAD) this.#grow();
    const slot = this.#find(high, low);
    if (this.#used[slot] === 1) {
      if (replace) this.#owner[slot] = owner;
      return;
    }
    this.#used[slot] = 1;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#owner[slot] = owner;
    this.#size++;
  }

  #find(high: number, low: number): number {
    const mask = this.#used.length - 1;
    let slot = (low ^ Math.imul(high, 0x9e3779b1)) & mask;
    while (this.#used[slot] === 1 && (this.#high[slot] !== high || this.#low[slot] !== low)) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const larger = new IdTable(this.#size * 2);
    for (let slot = 0; slot < this.#used.length; slot++) {
      if (this.#used[slot] !== 1) continue;
      larger.set(this.#high[slot] ?? 0, this.#low[slot] ?? 0, this.#owner[slot] ?? 0, false);
    }
    this.#high = larger.#high;
    this.#low = larger.#low;
    this.#owner = larger.#owner;
    this.#used = larger.#used;
  }
}

/** Calls back with the halves of each packed id (contract `packIds`). */
export function forEachId(packed: Uint8Array, each: (high: number, low: number, index: number) => void): void {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let offset = 0, index = 0; offset < packed.byteLength; offset += ID_HASH_BYTES, index++) {
    each(view.getUint32(offset), view.getUint32(offset + 4), index);
  }
}
