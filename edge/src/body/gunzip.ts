// Unpacks a body that is one gzip member (RFC 1952), bounded before it is done: the runtime's DecompressionStream unpacks what it
// is written at once, and half a megabyte can hold half a gigabyte. `gunzipSync` would be bounded too, but takes bytes behind
// the member and further members for granted; a body with either was cut or joined by accident.

import { crc32, inflateRawSync } from "node:zlib";

const FIXED_HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const DEFLATE = 8;
const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

/** What `info: true` makes of the answer; the types of node:zlib do not say it. */
interface Inflated {
  buffer: Uint8Array;
  /** `bytesWritten`: of the input, how much the deflate stream was. */
  engine: { bytesWritten: number };
}

/** @returns the body; `invalid` for anything but exactly one whole member, `tooLarge` for one that unpacks to more. */
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

/** Where the deflate stream begins; null when the header is none. */
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
