// One column of a row group: its pages, compressed and appended to the file, and what the footer says of them.

import { constants, zstdCompressSync } from "node:zlib";
import type { ColumnChunk, CompressionCodec, Encoding, SchemaElement, Statistics } from "hyparquet";
import type { ByteWriter } from "hyparquet-writer";
import { writePageHeader } from "hyparquet-writer/src/datapage.js";
import { packed, runOfOne } from "./levels.ts";

/** Level 3 takes a quarter longer, and where half of the bytes are random ids it does not even save any. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Which rows of a page have a value; null when every one has. */
export type Presence = { rows: number; present: Uint8Array | null; values: number };

export class ChunkWriter {
  readonly #writer: ByteWriter;
  readonly #element: SchemaElement;
  readonly #codec: CompressionCodec;
  readonly #start: number;
  readonly #encodings = new Set<Encoding>();
  #dictionaryAt: bigint | undefined;
  #dataAt: bigint | undefined;
  #rows = 0;
  #uncompressedBytes = 0;

  /** @param small not worth compressing: a few bytes, whatever the number of rows */
  constructor(writer: ByteWriter, element: SchemaElement, small: boolean) {
    this.#writer = writer;
    this.#element = element;
    this.#codec = small ? "UNCOMPRESSED" : "ZSTD";
    this.#start = writer.offset;
  }

  /** @param plain the distinct values, PLAIN */
  dictionary(plain: Uint8Array, count: number): void {
    this.#dictionaryAt = BigInt(this.#writer.offset);
    this.#encodings.add("PLAIN");
    this.#page(plain, (sizes) => ({
      type: "DICTIONARY_PAGE",
      ...sizes,
      dictionary_page_header: { num_values: count, encoding: "PLAIN" },
    }));
  }

  /** @param values encoded, of the rows that have one */
  data(values: Uint8Array, encoding: Encoding, presence: Presence): void {
    this.#dataAt ??= BigInt(this.#writer.offset);
    this.#encodings.add(encoding);
    this.#rows += presence.rows;
    const isOptional = this.#element.repetition_type === "OPTIONAL";
    if (!isOptional && presence.present !== null) throw new TypeError(`column ${this.#element.name} lacks a value`);
    const levels = isOptional ? definitionLevels(presence) : new Uint8Array();
    this.#page(levels.length === 0 ? values : joined(levels, values), (sizes) => ({
      type: "DATA_PAGE",
      ...sizes,
      data_page_header: {
        num_values: presence.rows,
        encoding,
        definition_level_encoding: "RLE",
        repetition_level_encoding: "RLE",
      },
    }));
  }

  end(statistics: Statistics | undefined): ColumnChunk {
    const { name, type } = this.#element;
    if (type === undefined || this.#dataAt === undefined) throw new Error(`column ${name} has no pages`);
    return {
      file_offset: BigInt(this.#start),
      meta_data: {
        type,
        encodings: ["RLE", ...this.#encodings],
        path_in_schema: [name],
        codec: this.#codec,
        num_values: BigInt(this.#rows),
        total_uncompressed_size: BigInt(this.#uncompressedBytes),
        total_compressed_size: BigInt(this.#writer.offset - this.#start),
        data_page_offset: this.#dataAt,
        ...(this.#dictionaryAt === undefined ? {} : { dictionary_page_offset: this.#dictionaryAt }),
        ...(statistics === undefined ? {} : { statistics }),
      },
    };
  }

  #page(bytes: Uint8Array, header: (sizes: PageSizes) => Parameters<typeof writePageHeader>[1]): void {
    const stored = this.#codec === "ZSTD" ? zstdCompressSync(bytes, COMPRESSION) : bytes;
    const at = this.#writer.offset;
    writePageHeader(
      this.#writer,
      header({ uncompressed_page_size: bytes.length, compressed_page_size: stored.length }),
    );
    this.#uncompressedBytes += this.#writer.offset - at + bytes.length;
    this.#writer.appendBytes(stored);
  }
}

interface PageSizes {
  uncompressed_page_size: number;
  compressed_page_size: number;
}

/** With their length before them. */
function definitionLevels({ rows, present, values }: Presence): Uint8Array {
  const isUniform = present === null || values === 0;
  const levels = isUniform ? runOfOne(present === null ? 1 : 0, rows, 1) : packed(present, 1);
  const withLength = Buffer.allocUnsafe(4 + levels.length);
  withLength.writeUInt32LE(levels.length);
  withLength.set(levels, 4);
  return withLength;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
