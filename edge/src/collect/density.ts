// Whether a large body is worth compressing. Text like events packs to a fifth. What looks random packs to three quarters at best
// and takes four times as long, so that one body of it would cost more than all the rest done about it.

import { compressMember, concatBytes, TUNINGS } from "@behaviour/contract";

const SAMPLES = 3;
const SAMPLE_BYTES = 4 * 1024;
/** Base64 of random bytes packs to 0.76 of itself, hexadecimal digits to 0.58. */
const DENSE_FROM = 0.7;

/** Looked at in places that nobody can know before. @returns false for a body so small that to look would cost as much */
export function isDense(bytes: Uint8Array): boolean {
  if (bytes.byteLength < TUNINGS.denseBytes) return false;
  const part = Math.floor((bytes.byteLength - SAMPLE_BYTES) / SAMPLES);
  const samples = Array.from({ length: SAMPLES }, (_, index) => {
    const start = index * part + Math.floor(Math.random() * part);
    return bytes.subarray(start, start + SAMPLE_BYTES);
  });
  return compressMember(concatBytes(samples)).byteLength > DENSE_FROM * SAMPLES * SAMPLE_BYTES;
}
