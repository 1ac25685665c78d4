// The frame codec of both streams: gzip NDJSON. A frame is one or more gzip members side by side, each holding whole lines
// that end in "\n"; members side by side are one valid gzip stream, so frames are joined without being opened.

import { constants, gunzipSync, gzipSync } from "node:zlib";
import { LIMITS } from "./limits.ts";

const LEVEL = { level: constants.Z_BEST_SPEED };
const STORED = { level: constants.Z_NO_COMPRESSION };
/** A frame of 1 MB can be made to unpack to a gigabyte; nothing the edge writes comes near this. */
const MAX_UNPACKED_BYTES = 4 * LIMITS.frameUnpackedBytes;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** One gzip member of whole lines. */
export function encodeMember(lines: readonly string[]): Uint8Array {
  return compressMember(encoder.encode(`${lines.join("\n")}\n`));
}

/** One gzip member of bytes that are whole lines already. */
export function compressMember(lines: Uint8Array): Uint8Array {
  return gzipSync(lines, LEVEL);
}

/** The same for lines that are not worth it: a gzip member that holds them as they are. */
export function storeMember(lines: Uint8Array): Uint8Array {
  return gzipSync(lines, STORED);
}

/**
 * The lines of a frame, parsed. A line that is no JSON comes as `{ text }` alone: bad input is a value.
 * @throws when the bytes are no gzip, unpack to more than 64 MiB, or are no UTF-8.
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
