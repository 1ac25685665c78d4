// Keeps a shard's newest message ids in memory, 8 bytes each, in two generations of an open-addressing table. When the younger
// generation is full, it becomes the elder and the previous elder is evicted. The time back to which memory reaches is known
// exactly, so that an event that could be older is looked up on disk (segments.ts). E5.

import { ID_HASH_BYTES, LIMITS } from "@behaviour/contract";
import { SHARD_BOUNDS, type ShardBounds } from "./bounds.ts";
import { Budget, type Holding } from "./memory.ts";

const FIRST_CAPACITY = 1_024;

/** Slots of two 32-bit halves. At most half of the slots are in use. A low half of zero marks an empty slot; see `nonZero`. */
class IdTable {
  count = 0;
  /** Secret: with a known hash anybody could make ids that all map to one slot. */
  readonly #seed = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number];
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

  /** Ids that follow without a gap move up, so that each id can still be found from its home slot on. */
  remove(high: number, low: number): void {
    const slots = this.#slots;
    const mask = this.#capacity - 1;
    let hole = this.#find(high, low) / 2;
    if (slots[hole * 2 + 1] === 0) return;
    this.count--;
    for (let slot = (hole + 1) & mask; slots[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      const wanted = this.#home(slots[slot * 2] as number, slots[slot * 2 + 1] as number);
      if (((slot - wanted) & mask) < ((slot - hole) & mask)) continue;
      slots[hole * 2] = slots[slot * 2] as number;
      slots[hole * 2 + 1] = slots[slot * 2 + 1] as number;
      hole = slot;
    }
    slots[hole * 2] = 0;
    slots[hole * 2 + 1] = 0;
  }

  #home(high: number, low: number): number {
    let hash = Math.imul(low ^ this.#seed[0], 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ high ^ this.#seed[1], 0x85ebca6b);
    return (hash ^ (hash >>> 13)) & (this.#capacity - 1);
  }

  /** The position of the id, or of the empty slot where it belongs. */
  #find(high: number, low: number): number {
    const mask = this.#capacity - 1;
    let slot = this.#home(high, low);
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

/** Shared by all shards of the isolate. When it is used up, a generation holds only as many ids as may be in no run. */
const idBudget = new Budget(() => LIMITS.isolateIdBytes);

export class RecentIds {
  #younger = new IdTable();
  #elder = new IdTable();
  /** Epoch milliseconds: every id accepted at or after this time is in memory. */
  #youngerSinceMs: number;
  #reachMs: number;
  /** The latest time seen. If the clock is set back, memory must not claim to know ids that it has evicted. */
  #newestMs = Number.NEGATIVE_INFINITY;
  readonly #generationIds: number;
  /** What a generation holds at least: ids that may be in no run yet. */
  readonly #leastIds: number;
  readonly #budget: Budget;
  readonly #holding: Holding;

  /** @param budget shared by the shards of the isolate */
  constructor(
    reachMs: number,
    { dedupeMemoryIds, dedupeRunIds }: Pick<ShardBounds, "dedupeMemoryIds" | "dedupeRunIds"> = SHARD_BOUNDS,
    budget: Budget = idBudget,
  ) {
    this.#reachMs = reachMs;
    this.#youngerSinceMs = reachMs;
    this.#generationIds = dedupeMemoryIds / 2;
    this.#leastIds = Math.min(this.#generationIds, dedupeRunIds);
    this.#budget = budget;
    this.#holding = budget.open(this);
  }

  get reachMs(): number {
    return this.#reachMs;
  }

  get bytes(): number {
    return this.#younger.bytes + this.#elder.bytes;
  }

  /** Indices of the known ids, among ids side by side. */
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
    this.#newestMs = Math.max(this.#newestMs, nowMs);
    const view = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
    for (let at = 0; at < ids.byteLength; at += ID_HASH_BYTES) {
      if (this.#younger.count >= this.#generationLimit()) this.#turn();
      this.#younger.add(view.getUint32(at), nonZero(view.getUint32(at + 4)));
    }
    this.#holding.take(this.bytes - this.#holding.bytes);
  }

  /** Removes ids whose commit failed. They may be sent again. */
  remove(ids: Uint8Array): void {
    const view = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
    for (let at = 0; at < ids.byteLength; at += ID_HASH_BYTES) {
      const high = view.getUint32(at);
      const low = nonZero(view.getUint32(at + 4));
      this.#younger.remove(high, low);
      this.#elder.remove(high, low);
    }
  }

  #generationLimit(): number {
    return this.#budget.leftBytes > 0 ? this.#generationIds : this.#leastIds;
  }

  #turn(): void {
    this.#elder = this.#younger;
    this.#reachMs = this.#youngerSinceMs;
    this.#younger = new IdTable();
    this.#youngerSinceMs = this.#newestMs;
  }
}

function nonZero(low: number): number {
  return low === 0 ? 1 : low;
}
