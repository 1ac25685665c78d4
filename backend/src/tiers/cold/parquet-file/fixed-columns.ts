// Times and booleans as column chunks, PLAIN.

import type { ColumnChunk, SchemaElement, Statistics } from "hyparquet";
import type { ByteWriter } from "hyparquet-writer";
import { ChunkWriter } from "./chunk.ts";
import { presenceOf } from "./text-column.ts";

const TIME_BYTES = 8;
const HIGH = 2 ** 32;

/** @param times epoch milliseconds */
export function writeTimes(
  writer: ByteWriter,
  element: SchemaElement,
  times: readonly (number | null)[],
  bounded: boolean,
): ColumnChunk {
  const presence = presenceOf(times);
  const bytes = new Uint8Array(presence.values * TIME_BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  let min = Infinity;
  let max = -Infinity;
  for (const time of times) {
    if (time === null) continue;
    // In halves: a bigint for each would be an object for each.
    const high = Math.floor(time / HIGH);
    view.setUint32(at, time - high * HIGH, true);
    view.setInt32(at + 4, high, true);
    at += TIME_BYTES;
    if (time < min) min = time;
    if (time > max) max = time;
  }
  const chunk = new ChunkWriter(writer, element, presence.values === 0);
  chunk.data(bytes, "PLAIN", presence);
  if (!bounded) return chunk.end(undefined);
  const statistics: Statistics = { null_count: BigInt(presence.rows - presence.values) };
  return chunk.end(min > max ? statistics : { ...statistics, min_value: BigInt(min), max_value: BigInt(max) });
}

export function writeBooleans(
  writer: ByteWriter,
  element: SchemaElement,
  values: readonly (boolean | null)[],
): ColumnChunk {
  const presence = presenceOf(values);
  const bytes = new Uint8Array(Math.ceil(presence.values / 8));
  let at = 0;
  for (const value of values) {
    if (value === null) continue;
    if (value) bytes[at >> 3] = (bytes[at >> 3] as number) | (1 << (at & 7));
    at++;
  }
  const chunk = new ChunkWriter(writer, element, bytes.length < 64);
  chunk.data(bytes, "PLAIN", presence);
  return chunk.end(undefined);
}
