// Contains the previous release's pack and unpack, unchanged except for the imports: its Workers send this format, and its shards
// read it.

import { concatBytes, ID_HASH_BYTES } from "@behaviour/contract";
import type { AppendInput } from "../../src/shard/append.ts";

export interface AppendCall {
  /** `NUMBERS` numbers per append, in the order of `packAppends`. */
  numbers: Float64Array;
  /** The bytes of each append in sequence: ids, tables, tableOf, packedAs, subjects, data. */
  bytes: Uint8Array;
  /** An append refers to its key by the index in this list. */
  keyIds: string[];
}

const NUMBERS = 8;
const SUBJECT_BYTES = 16;

export function packAppends(inputs: readonly AppendInput[]): AppendCall {
  const numbers = new Float64Array(inputs.length * NUMBERS);
  const parts: Uint8Array[] = [];
  const keyIds: string[] = [];
  for (const [index, { ids, data, compressed, receivedAtMs, oldestMs, claim, rate }] of inputs.entries()) {
    let key = keyIds.indexOf(rate.keyId);
    if (key < 0) key = keyIds.push(rate.keyId) - 1;
    numbers.set(
      [
        ids.byteLength / ID_HASH_BYTES,
        data.byteLength,
        claim.tables.byteLength,
        (compressed ? COMPRESSED : 0) | (claim.subjects === null ? 0 : WITH_SUBJECTS),
        receivedAtMs,
        oldestMs,
        key,
        rate.eventsPerSecond,
      ],
      index * NUMBERS,
    );
    parts.push(ids, claim.tables, claim.tableOf, claim.packedAs);
    if (claim.subjects !== null) parts.push(claim.subjects);
    parts.push(data);
  }
  return { numbers, bytes: concatBytes(parts), keyIds };
}

const COMPRESSED = 1;
const WITH_SUBJECTS = 2;

/** The appends as they were packed. Their bytes are views of the message's bytes. */
export function unpackAppends({ numbers, bytes, keyIds }: AppendCall): AppendInput[] {
  const inputs: AppendInput[] = [];
  let offset = 0;
  const take = (length: number) => bytes.subarray(offset, (offset += length));
  for (let at = 0; at < numbers.length; at += NUMBERS) {
    const [events, dataBytes, tableBytes, flags, receivedAtMs, oldestMs, key, eventsPerSecond] = numbers.subarray(
      at,
      at + NUMBERS,
    ) as unknown as [number, number, number, number, number, number, number, number];
    const ids = take(events * ID_HASH_BYTES);
    const claim = {
      tables: take(tableBytes),
      tableOf: take(events),
      packedAs: take(events),
      subjects: flags & WITH_SUBJECTS ? take(events * SUBJECT_BYTES) : null,
    };
    const data = take(dataBytes);
    // The share of one shard, in today's format, because that release had no `shards`.
    const rate = { keyId: keyIds[key] as string, eventsPerSecond, shards: 1 };
    inputs.push({ ids, data, compressed: (flags & COMPRESSED) !== 0, receivedAtMs, oldestMs, claim, rate });
  }
  return inputs;
}
