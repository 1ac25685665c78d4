// Decompresses a body that is one gzip member (RFC 1952), and stops at a size limit. The runtime's DecompressionStream
// decompresses each write completely, and half a megabyte can hold half a gigabyte. `gunzipSync` has a limit too, but accepts
// bytes after the member, and further members. A body with either was cut or joined by accident.

import { crc32, inflateRawSync } from "node:zlib";

const FIXED_HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const DEFLATE = 8;
const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

/** The result with `info: true`, which the types of node:zlib do not describe. */
interface Inflated {
  buffer: Uint8Array;
  /** `bytesWritten`: how many bytes of the input the deflate stream took up. */
  engine: { bytesWritten: number };
}

/** @returns the body; `invalid` unless it is exactly one whole member, `tooLarge` if the member decompresses to more. */
export function gunzipOne(bytes: Uint8Array, limitBytes: number): Uint8Array | "invalid" | "tooLarge" {
  const start = headerEnd(bytes);
  if (start === null) return "invalid";
  let inflated: Inflated;
  try {
    const options = { info: true, maxOutputLength: limitBytes + 1 };
    inflated = inflateRawSync(bytes.subarray(start), options) as unknown as Inflated;
  } catch (fault) {
    return fault instanceof RangeError ? "tooLarge" : "invalid";
  }
  const { buffer, engine } = inflated;
  if (buffer.byteLength > limitBytes) return "tooLarge";
  const trailerAt = start + engine.bytesWritten;
  if (trailerAt + TRAILER_BYTES !== bytes.byteLength) return "invalid";
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + trailerAt, TRAILER_BYTES);
  const isWhole = trailer.getUint32(0, true) === crc32(buffer) && trailer.getUint32(4, true) === buffer.byteLength;
  return isWhole ? buffer : "invalid";
}

/** Offset of the deflate stream; null if the header is invalid. */
function headerEnd(bytes: Uint8Array): number | null {
  const [magic1, magic2, method, flags = 0] = bytes;
  if (bytes.byteLength < FIXED_HEADER_BYTES + TRAILER_BYTES) return null;
  if (magic1 !== 0x1f || magic2 !== 0x8b || method !== DEFLATE || (flags & FLAG.reserved) !== 0) return null;
  let at = FIXED_HEADER_BYTES;
  if (flags & FLAG.extra) at += 2 + (bytes[at] ?? 0) + ((bytes[at + 1] ?? 0) << 8);
  for (const text of [FLAG.name, FLAG.comment]) {
    if (!(flags & text)) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return null;
    at = end + 1;
  }
  if (flags & FLAG.headerCrc) at += 2;
  return at < bytes.byteLength ? at : null;
}
