// Encodes and decodes the frames of both streams: gzip NDJSON. A frame is one or more gzip members, each with whole lines that
// end in "\n". Several members are one valid gzip stream, so frames are joined without unpacking.

import { constants, gunzipSync, gzipSync } from "node:zlib";
import { LIMITS } from "./limits.ts";

const LEVEL = { level: constants.Z_BEST_SPEED };
const STORED = { level: constants.Z_NO_COMPRESSION };
/** A crafted frame of 1 MB unpacks to a gigabyte. The frames that the edge writes are far below this bound. */
const MAX_UNPACKED_BYTES = 4 * LIMITS.frameUnpackedBytes;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** Encodes whole lines as one gzip member. */
export function encodeMember(lines: readonly string[]): Uint8Array {
  return compressMember(encoder.encode(`${lines.join("\n")}\n`));
}

/** Compresses bytes that are whole lines into one gzip member. */
export function compressMember(lines: Uint8Array): Uint8Array {
  return gzipSync(lines, LEVEL);
}

/** Wraps lines that do not compress into a gzip member that holds them uncompressed. */
export function storeMember(lines: Uint8Array): Uint8Array {
  return gzipSync(lines, STORED);
}

/**
 * The parsed lines of a frame. A line that is not JSON is returned as `{ text }` alone, because bad input is a value.
 * @throws if the bytes are not gzip, unpack to more than 64 MiB, or are not UTF-8.
 */
export function* decodeFrame(frame: Uint8Array): Generator<{ text: string; value?: unknown }> {
  const text = decoder.decode(gunzipSync(frame, { maxOutputLength: MAX_UNPACKED_BYTES }));
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const line = text.slice(start, end);
    start = end + 1;
    if (line === "") continue;
    yield parseLine(line);
  }
}

function parseLine(text: string): { text: string; value?: unknown } {
  try {
    return { text, value: JSON.parse(text) as unknown };
  } catch {
    return { text };
  }
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.byteLength;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.byteLength;
  }
  return joined;
}
