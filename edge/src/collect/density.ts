// Decides whether a large body is worth compressing. Text like events compresses to a fifth of its size. Data that looks random
// compresses to three quarters at best and takes four times as long. Compressing such a body would cost more than all other work
// on it.

import { compressMember, concatBytes, TUNINGS } from "@behaviour/contract";

const SAMPLES = 3;
const SAMPLE_BYTES = 4 * 1024;
/** Base64 of random bytes compresses to 0.76 of its size, hexadecimal digits to 0.58. */
const DENSE_FROM = 0.7;

/** Samples the body at unpredictable places. @returns false for a body so small that sampling would cost as much as packing it */
export function isDense(bytes: Uint8Array): boolean {
  if (bytes.byteLength < TUNINGS.denseBytes) return false;
  const part = Math.floor((bytes.byteLength - SAMPLE_BYTES) / SAMPLES);
  const samples = Array.from({ length: SAMPLES }, (_, index) => {
    const start = index * part + Math.floor(Math.random() * part);
    return bytes.subarray(start, start + SAMPLE_BYTES);
  });
  return compressMember(concatBytes(samples)).byteLength > DENSE_FROM * SAMPLES * SAMPLE_BYTES;
}
