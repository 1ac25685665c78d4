// Texts as a column chunk: by dictionary where they repeat, else one after the other. Which of the two shows while the
// dictionary is built: it is given up as soon as it stops being one.

import type { ColumnChunk, SchemaElement, Statistics } from "hyparquet";
import type { ByteWriter } from "hyparquet-writer";
import { ChunkWriter, type Presence } from "./chunk.ts";
import { bitsFor, packed, runOfOne } from "./levels.ts";

/** Of plain texts in one page, or one text that is longer. */
const PAGE_BYTES = 1024 * 1024;
/** A dictionary is judged after so many distinct texts, and whenever they have doubled. */
const FIRST_JUDGED = 256;
/** Beyond it a reader would hold too much for one column. */
const DICTIONARY_TEXTS_MAX = 65_536;
const UTF8_BYTES_PER_UNIT = 3;
const LENGTH_BYTES = 4;

export type Texts = readonly (string | null)[];

export function writeTexts(writer: ByteWriter, element: SchemaElement, texts: Texts, bounded: boolean): ColumnChunk {
  const presence = presenceOf(texts);
  const dictionary = dictionaryOf(texts, presence.values);
  if (dictionary === null) return writePlain(writer, element, texts, bounded);
  const { distinct, indices } = dictionary;
  const chunk = new ChunkWriter(writer, element, distinct.length <= 1);
  chunk.dictionary(plainBytes(distinct, 0, distinct.length), distinct.length);
  const bitWidth = bitsFor(Math.max(0, distinct.length - 1));
  const body = bitWidth === 0 ? runOfOne(0, presence.values, 0) : packed(indices, bitWidth);
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = bitWidth;
  bytes.set(body, 1);
  chunk.data(bytes, "RLE_DICTIONARY", presence);
  return chunk.end(bounded ? boundsOf(distinct, texts.length - presence.values) : undefined);
}

function writePlain(writer: ByteWriter, element: SchemaElement, texts: Texts, bounded: boolean): ColumnChunk {
  const chunk = new ChunkWriter(writer, element, false);
  let nulls = 0;
  for (let start = 0; start < texts.length; ) {
    const end = pageEnd(texts, start);
    const presence = presenceOf(start === 0 && end === texts.length ? texts : texts.slice(start, end));
    chunk.data(plainBytes(texts, start, end), "PLAIN", presence);
    nulls += presence.rows - presence.values;
    start = end;
  }
  return chunk.end(bounded ? boundsOf(texts, nulls) : undefined);
}

export function presenceOf(values: readonly unknown[]): Presence {
  const rows = values.length;
  let present: Uint8Array | null = null;
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if (values[row] !== null) {
      count++;
      if (present !== null) present[row] = 1;
    } else if (present === null) {
      present = new Uint8Array(rows);
      present.fill(1, 0, row);
    }
  }
  return { rows, present, values: count };
}

interface Dictionary {
  distinct: string[];
  /** Of the rows that have a value. */
  indices: Uint32Array;
}

/** Null when more than half of the texts differ: then it would cost more than it saves. */
function dictionaryOf(texts: Texts, values: number): Dictionary | null {
  const distinct: string[] = [];
  const places = new Map<string, number>();
  const indices = new Uint32Array(values);
  let judged = FIRST_JUDGED;
  let seen = 0;
  let last: string | null = null;
  let lastPlace = 0;
  for (let row = 0; row < texts.length; row++) {
    const text = texts[row] as string | null;
    if (text === null) continue;
    if (text !== last) {
      const place = places.get(text);
      last = text;
      lastPlace = place ?? distinct.length;
      if (place === undefined) {
        places.set(text, lastPlace);
        distinct.push(text);
        if (distinct.length === judged) {
          if (judged * 2 > seen + 1 || judged >= DICTIONARY_TEXTS_MAX) return null;
          judged *= 2;
        }
      }
    }
    indices[seen++] = lastPlace;
  }
  return distinct.length * 2 > values && values > 1 ? null : { distinct, indices };
}

/** Where a page that begins at `start` ends. Units stand for bytes: a page need not be exact. */
function pageEnd(texts: Texts, start: number): number {
  let bytes = 0;
  for (let row = start; row < texts.length; row++) {
    bytes += (texts[row]?.length ?? 0) + LENGTH_BYTES;
    if (bytes > PAGE_BYTES && row > start) return row;
  }
  return texts.length;
}

let scratch = Buffer.allocUnsafe(64 * 1024);

/** Each text's length and bytes. Valid until the next call: the buffer is used again. */
function plainBytes(texts: Texts, start: number, end: number): Uint8Array {
  let at = 0;
  for (let row = start; row < end; row++) {
    const text = texts[row] as string | null;
    if (text === null) continue;
    const most = LENGTH_BYTES + text.length * UTF8_BYTES_PER_UNIT;
    if (at + most > scratch.length) scratch = enlarged(scratch, at, at + most);
    const length = scratch.write(text, at + LENGTH_BYTES, "utf8");
    scratch[at] = length;
    scratch[at + 1] = length >>> 8;
    scratch[at + 2] = length >>> 16;
    scratch[at + 3] = length >>> 24;
    at += LENGTH_BYTES + length;
  }
  return scratch.subarray(0, at);
}

function enlarged(buffer: Buffer, used: number, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, buffer.length * 2));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

const BEYOND_BASIC_PLANE = /[\ud800-\udfff]/;

/** Parquet orders texts by their bytes, JavaScript by UTF-16 units: they differ where there are surrogates. */
function comesBefore(a: string, b: string): boolean {
  if (BEYOND_BASIC_PLANE.test(a) || BEYOND_BASIC_PLANE.test(b))
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
  return a < b;
}

function boundsOf(texts: Texts, nulls: number): Statistics {
  let min: string | undefined;
  let max: string | undefined;
  for (const text of texts) {
    if (text === null) continue;
    if (min === undefined || max === undefined) min = max = text;
    else if (comesBefore(text, min)) min = text;
    else if (comesBefore(max, text)) max = text;
  }
  return {
    null_count: BigInt(nulls),
    ...(min === undefined || max === undefined ? {} : { min_value: min, max_value: max }),
  };
}
