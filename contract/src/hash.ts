// Hashes a message id to 64 bits, which dedupe keeps instead of the id: the first 64 bits of MurmurHash3 x86_128 over UTF-16 code
// units. The hash is not cryptographic: a client that can choose colliding ids can as well send the same id twice. At 30 million
// ids a day one shard has a false duplicate once in 40,000 years.

export interface IdHash {
  high: number;
  low: number;
}

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function finish(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Hashes eight UTF-16 units (128 bits) a round. The tail is padded with zeros, and the length distinguishes padded ids. */
export function hashId(id: string): IdHash {
  let h1 = 0x9747b28c;
  let h2 = 0x9747b28c;
  let h3 = 0x9747b28c;
  let h4 = 0x9747b28c;
  const length = id.length;
  for (let i = 0; i < length; i += 8) {
    const k1 = unit(id, i, length) | (unit(id, i + 1, length) << 16);
    const k2 = unit(id, i + 2, length) | (unit(id, i + 3, length) << 16);
    const k3 = unit(id, i + 4, length) | (unit(id, i + 5, length) << 16);
    const k4 = unit(id, i + 6, length) | (unit(id, i + 7, length) << 16);
    h1 ^= Math.imul(rotate(Math.imul(k1, C1), 15), C2);
    h1 = Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b;
    h2 ^= Math.imul(rotate(Math.imul(k2, C2), 16), C3);
    h2 = Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747;
    h3 ^= Math.imul(rotate(Math.imul(k3, C3), 17), C4);
    h3 = Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35;
    h4 ^= Math.imul(rotate(Math.imul(k4, C4), 18), C1);
    h4 = Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17;
  }
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 += h2 + h3 + h4;
  h2 += h1;
  h3 += h1;
  h4 += h1;
  h1 = finish(h1);
  h2 = finish(h2);
  h3 = finish(h3);
  h4 = finish(h4);
  h1 += h2 + h3 + h4;
  h2 += h1;
  return { high: h1 >>> 0, low: h2 >>> 0 };
}

function unit(id: string, index: number, length: number): number {
  return index < length ? id.charCodeAt(index) : 0;
}

/** The length of one packed id. */
export const ID_HASH_BYTES = 8;

/** Packs the ids' hashes, 8 bytes each, big-endian, so that the bytes sort like the numbers. */
export function packIds(ids: readonly string[]): Uint8Array {
  return packHashes(ids.map(hashId));
}

/** Packs hashes that were computed before. */
export function packHashes(hashes: readonly IdHash[]): Uint8Array {
  const packed = new Uint8Array(hashes.length * ID_HASH_BYTES);
  const view = new DataView(packed.buffer);
  for (let index = 0; index < hashes.length; index++) {
    const { high, low } = hashes[index] as IdHash;
    view.setUint32(index * ID_HASH_BYTES, high);
    view.setUint32(index * ID_HASH_BYTES + 4, low);
  }
  return packed;
}
