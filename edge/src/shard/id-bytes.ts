// Compares, sorts and searches packed ids as the bytes that they are.

import { ID_HASH_BYTES } from "@behaviour/contract";

export function idAt(ids: Uint8Array, index: number): Uint8Array {
  return ids.subarray(index * ID_HASH_BYTES, (index + 1) * ID_HASH_BYTES);
}

export function compareIds(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < ID_HASH_BYTES; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function sortedIds(parts: readonly Uint8Array[]): BigUint64Array {
  const sorted = new BigUint64Array(parts.reduce((sum, ids) => sum + ids.byteLength / ID_HASH_BYTES, 0));
  let at = 0;
  for (const ids of parts) {
    const view = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
    for (let byte = 0; byte < view.byteLength; byte += ID_HASH_BYTES) sorted[at++] = view.getBigUint64(byte);
  }
  return sorted.sort();
}

export function bigEndian(ids: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(ids.length * ID_HASH_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < ids.length; i++) view.setBigUint64(i * ID_HASH_BYTES, ids[i] as bigint);
  return bytes;
}

/** Indices of the ids, in the ascending order of the ids. */
export function sortedIndices(ids: Uint8Array): number[] {
  const view = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
  return Array.from({ length: ids.byteLength / ID_HASH_BYTES }, (_, index) => index).sort((a, b) => {
    const [x, y] = [view.getBigUint64(a * ID_HASH_BYTES), view.getBigUint64(b * ID_HASH_BYTES)];
    return x < y ? -1 : x > y ? 1 : 0;
  });
}

export function sortedHas(ids: Uint8Array, id: Uint8Array): boolean {
  let low = 0;
  let high = ids.byteLength / ID_HASH_BYTES - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareIds(idAt(ids, middle), id);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}

export function unsortedHas(ids: Uint8Array, id: Uint8Array): boolean {
  for (let index = 0; index < ids.byteLength / ID_HASH_BYTES; index++) {
    if (compareIds(idAt(ids, index), id) === 0) return true;
  }
  return false;
}
