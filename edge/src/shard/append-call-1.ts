// Packs and unpacks the append call of the previous release: Workers of that release call shards of this release, and Workers of
// this release call shards that still run that release. Remove this file with the next release. ADR 011.

import { concatBytes, ID_HASH_BYTES } from "@behaviour/contract";
import type { AppendInput } from "./append.ts";
import { type AppendCall, checkInput, must, taker } from "./append-call.ts";
import { subjectsForVersion1, subjectsFromVersion1, VERSION_1_SUBJECT_BYTES } from "./consent-claim.ts";

const NUMBERS = 8;
const COMPRESSED = 1;
const WITH_SUBJECTS = 2;

export function packAppends1(inputs: readonly AppendInput[]): AppendCall {
  const numbers = new Float64Array(inputs.length * NUMBERS);
  const parts: Uint8Array[] = [];
  const keyIds: string[] = [];
  for (const [index, { ids, data, compressed, receivedAtMs, oldestMs, claim, rate }] of inputs.entries()) {
    let key = keyIds.indexOf(rate.keyId);
    if (key < 0) key = keyIds.push(rate.keyId) - 1;
    const events = ids.byteLength / ID_HASH_BYTES;
    const subjects = subjectsForVersion1(claim);
    must(subjects === null || subjects.byteLength === events * VERSION_1_SUBJECT_BYTES, "subjects");
    const flags = (compressed ? COMPRESSED : 0) | (subjects === null ? 0 : WITH_SUBJECTS);
    // A shard of that release enforces its share of the limit alone.
    const share = Math.ceil(rate.eventsPerSecond / rate.shards);
    numbers.set(
      [events, data.byteLength, claim.tables.byteLength, flags, receivedAtMs, oldestMs, key, share],
      index * NUMBERS,
    );
    parts.push(ids, claim.tables, claim.tableOf, claim.packedAs);
    if (subjects !== null) parts.push(subjects);
    parts.push(data);
  }
  return { numbers, bytes: concatBytes(parts), keyIds };
}

/** @throws when the message is not of version 1, as far as its lengths and values show. */
export function unpackAppends1({ numbers, bytes, keyIds }: AppendCall): AppendInput[] {
  must(numbers instanceof Float64Array && bytes instanceof Uint8Array && Array.isArray(keyIds), "form");
  must(numbers.length % NUMBERS === 0, "number of appends");
  const inputs: AppendInput[] = [];
  const take = taker(bytes);
  for (let at = 0; at < numbers.length; at += NUMBERS) {
    const [events, dataBytes, tableBytes, flags, receivedAtMs, oldestMs, key, eventsPerSecond] = numbers.subarray(
      at,
      at + NUMBERS,
    ) as unknown as [number, number, number, number, number, number, number, number];
    must(Number.isInteger(flags) && flags >= 0 && flags <= (COMPRESSED | WITH_SUBJECTS), "flags");
    const ids = take(events * ID_HASH_BYTES);
    const tables = take(tableBytes);
    const tableOf = take(events);
    const packedAs = take(events);
    const subjects = flags & WITH_SUBJECTS ? subjectsFromVersion1(take(events * VERSION_1_SUBJECT_BYTES)) : null;
    const input: AppendInput = {
      ids,
      claim: { tables, tableOf, packedAs, subjects },
      data: take(dataBytes),
      compressed: (flags & COMPRESSED) !== 0,
      receivedAtMs,
      oldestMs,
      rate: { keyId: keyIds[key] as string, eventsPerSecond, shards: 1 },
    };
    checkInput(input);
    inputs.push(input);
  }
  must(take.left() === 0, "bytes left over");
  return inputs;
}
