// The message that carries appends from the Worker to the shard: all their bytes in one array, all their numbers in another.
// Each object and each array of a message costs the runtime microseconds on both sides, and there is a message a request
// when few are about.
//
// Worker and shard are not always of one release: after a deploy a shard may run the old code for five minutes more. So the
// message begins with the version of its layout, and a shard that does not know it, or finds a length that is not right, throws
// before it stores anything. The client then gets 503 and sends again. ADR 011.

import { CONSENT_OUTCOMES, concatBytes, ID_HASH_BYTES } from "@behaviour/contract";
import { LEDGER_STATES } from "../consent/table.ts";
import type { AppendInput } from "./append.ts";
import { NOT_PACKED } from "./consent-claim.ts";

export interface AppendCall {
  /** `APPEND_VERSION`, the number of appends, then `NUMBERS` an append. */
  numbers: Float64Array;
  /** Those of each append side by side: ids, tables, tableOf, packedAs, subjects, data. */
  bytes: Uint8Array;
  /** By place: an append names its key by the place here. */
  keyIds: string[];
}

/** Version 1 had no version in it, and its own method (append-call-1.ts). */
const APPEND_VERSION = 2;

const HEAD = 2;
const NUMBERS = 10;

export function packAppends(inputs: readonly AppendInput[]): AppendCall {
  const numbers = new Float64Array(HEAD + inputs.length * NUMBERS);
  numbers[0] = APPEND_VERSION;
  numbers[1] = inputs.length;
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
        claim.subjects === null ? NO_SUBJECTS : claim.subjects.byteLength,
        compressed ? COMPRESSED : 0,
        receivedAtMs,
        oldestMs,
        key,
        rate.eventsPerSecond,
        rate.shards,
      ],
      HEAD + index * NUMBERS,
    );
    parts.push(ids, claim.tables, claim.tableOf, claim.packedAs);
    if (claim.subjects !== null) parts.push(claim.subjects);
    parts.push(data);
  }
  return { numbers, bytes: concatBytes(parts), keyIds };
}

const COMPRESSED = 1;
/** Where the length of the subjects would stand. No subjects are not the same as none of the events naming one. */
const NO_SUBJECTS = -1;

/**
 * The appends as they were packed; their bytes are views of the message's.
 * @throws when anything of the message is not as `packAppends` of this release makes it.
 */
export function unpackAppends({ numbers, bytes, keyIds }: AppendCall): AppendInput[] {
  must(numbers instanceof Float64Array && bytes instanceof Uint8Array && Array.isArray(keyIds), "form");
  must(numbers[0] === APPEND_VERSION, "version");
  must(numbers.length === HEAD + (numbers[1] as number) * NUMBERS, "number of appends");
  const inputs: AppendInput[] = [];
  const take = taker(bytes);
  for (let at = HEAD; at < numbers.length; at += NUMBERS) {
    const [events, dataBytes, tableBytes, subjectBytes, flags, receivedAtMs, oldestMs, key, eventsPerSecond, shards] =
      numbers.subarray(at, at + NUMBERS) as unknown as Numbers;
    must(flags === 0 || flags === COMPRESSED, "flags");
    const input: AppendInput = {
      ids: take(events * ID_HASH_BYTES),
      claim: {
        tables: take(tableBytes),
        tableOf: take(events),
        packedAs: take(events),
        subjects: subjectBytes === NO_SUBJECTS ? null : take(subjectBytes),
      },
      data: take(dataBytes),
      compressed: flags === COMPRESSED,
      receivedAtMs,
      oldestMs,
      rate: { keyId: keyIds[key] as string, eventsPerSecond, shards },
    };
    checkInput(input);
    inputs.push(input);
  }
  must(take.left() === 0, "bytes left over");
  return inputs;
}

type Numbers = [number, number, number, number, number, number, number, number, number, number];

/** Takes byte strings one after the other. Throws rather than take one shorter than asked for. */
export function taker(bytes: Uint8Array): { (length: number): Uint8Array; left(): number } {
  let offset = 0;
  const take = (length: number) => {
    must(Number.isSafeInteger(length) && length >= 0 && offset + length <= bytes.byteLength, "length");
    return bytes.subarray(offset, (offset += length));
  };
  return Object.assign(take, { left: () => bytes.byteLength - offset });
}

/** Lengths that add up may still be another layout's: what each part says must make sense as well. */
export function checkInput({ ids, claim, data, compressed, receivedAtMs, oldestMs, rate }: AppendInput): void {
  const tables = claim.tables.byteLength / LEDGER_STATES;
  must(ids.byteLength > 0, "empty append");
  must(Number.isInteger(tables), "consent tables");
  must(
    claim.tableOf.every((table) => table < tables),
    "consent table of an event",
  );
  must(claim.tables.every(isOutcome), "consent outcomes");
  const isPacked = data.byteLength > 0;
  must(
    claim.packedAs.every((code) => (isPacked ? isOutcome(code) : code === NOT_PACKED)),
    "outcomes of what was packed",
  );
  must(!compressed || (data.byteLength >= GZIP_MIN_BYTES && data[0] === 0x1f && data[1] === 0x8b), "gzip member");
  must(Number.isFinite(receivedAtMs) && Number.isFinite(oldestMs), "times");
  must(typeof rate.keyId === "string" && rate.eventsPerSecond >= 0 && rate.shards >= 1, "key");
}

/** Head and end of a member. */
const GZIP_MIN_BYTES = 18;

function isOutcome(code: number): boolean {
  return code < CONSENT_OUTCOMES.length;
}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`append call of another release, or damaged: ${what}`);
}
