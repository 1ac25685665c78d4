// Counts distinct subjects: exactly up to a few hundred, then by HyperLogLog (Flajolet et al. 2007, with linear counting for
// small cardinalities). A sketch is small and mergeable. Each minute's item has a sketch of its project's users.

import { hashId } from "@behaviour/contract";

const EXACT = 0;
const DENSE = 1;
const HASH_BYTES = 8;
/** Up to this number the hashes are kept, 8 bytes each. Together they are not larger than the registers. */
const EXACT_MAX = 512;
const INDEX_BITS = 12;
/** Standard error 1.04 / √4096 = 1.6 %. */
const REGISTERS = 1 << INDEX_BITS;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

export class Sketch {
  /** The hashes; null when there were too many. */
  #exact: Set<bigint> | null = new Set();
  #registers: Uint8Array | null = null;
  readonly #exactMax: number;

  /** @param exactMax a union in memory may stay exact for longer than an item */
  constructor(exactMax: number = EXACT_MAX) {
    this.#exactMax = exactMax;
  }

  add(subject: string): void {
    const { high, low } = hashId(subject);
    this.#addHash((BigInt(high) << 32n) | BigInt(low));
  }

  /** Adds everything that another sketch counted. */
  merge(other: Sketch): void {
    if (other.#exact !== null) {
      for (const hash of other.#exact.keys()) this.#addHash(hash);
      return;
    }
    const own = this.#dense();
    for (const [index, rank] of (other.#registers ?? []).entries()) {
      if (rank > (own[index] ?? 0)) own[index] = rank;
    }
  }

  /** Rounded to a whole number. */
  estimate(): number {
    if (this.#exact !== null) return this.#exact.size;
    let sum = 0;
    let zeros = 0;
    for (const rank of this.#registers ?? []) {
      sum += 2 ** -rank;
      if (rank === 0) zeros++;
    }
    const raw = (ALPHA * REGISTERS * REGISTERS) / sum;
    const linear = raw <= 2.5 * REGISTERS && zeros > 0;
    return Math.round(linear ? REGISTERS * Math.log(REGISTERS / zeros) : raw);
  }

  encode(): Uint8Array {
    if (this.#exact === null) return Buffer.concat([Buffer.from([DENSE]), this.#dense()]);
    const bytes = Buffer.alloc(1 + this.#exact.size * HASH_BYTES);
    bytes[0] = EXACT;
    let offset = 1;
    for (const hash of this.#exact.keys()) offset = bytes.writeBigUInt64BE(hash, offset);
    return bytes;
  }

  /** @throws if the bytes are not a sketch. */
  static decode(bytes: Uint8Array): Sketch {
    const sketch = new Sketch();
    const body = bytes.subarray(1);
    if (bytes[0] === DENSE && body.length === REGISTERS) {
      sketch.#exact = null;
      sketch.#registers = Uint8Array.from(body);
      return sketch;
    }
    if (bytes[0] !== EXACT || body.length % HASH_BYTES !== 0) throw new Error("not a sketch");
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    for (let offset = 0; offset < body.length; offset += HASH_BYTES) sketch.#addHash(view.getBigUint64(offset));
    return sketch;
  }

  #addHash(hash: bigint): void {
    if (this.#exact !== null) {
      this.#exact.add(hash);
      if (this.#exact.size > this.#exactMax) this.#dense();
      return;
    }
    setRegister(this.#dense(), hash);
  }

  #dense(): Uint8Array {
    if (this.#registers === null) {
      this.#registers = new Uint8Array(REGISTERS);
      for (const hash of this.#exact?.keys() ?? []) setRegister(this.#registers, hash);
      this.#exact = null;
    }
    return this.#registers;
  }
}

/** The first bits choose the register, which keeps the longest run of zeros in the remaining bits, plus one. */
function setRegister(registers: Uint8Array, hash: bigint): void {
  const index = Number(hash >> BigInt(64 - INDEX_BITS));
  const high = Number((hash >> 20n) & 0xffffffffn);
  const low = Number(hash & 0xfffffn);
  const zeros = high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low) - 12;
  const rank = zeros + 1;
  if (rank > (registers[index] ?? 0)) registers[index] = rank;
}
