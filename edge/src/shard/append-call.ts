// Packs appends from the Worker to the shard into one message: all bytes in one array, all numbers in another. Each object and
// each array of a message costs the runtime microseconds on both sides, and at a low rate each request is a message.
//
// Worker and shard may run different releases: after a deploy a shard may run the old code for five more minutes. So the message
// begins with the version of its layout. A shard that does not know the version, or finds a wrong length, throws before it stores
// anything. The client then gets 503 and retries. ADR 011.

import { CONSENT_OUTCOMES, concatBytes, ID_HASH_BYTES } from "@behaviour/contract";
import { LEDGER_STATES } from "../consent/table.ts";
import type { AppendInput } from "./append.ts";
import { NOT_PACKED } from "./consent-claim.ts";

export interface AppendCall {
  /** `APPEND_VERSION`, the number of appends, then `NUMBERS` numbers per append. */
  numbers: Float64Array;
  /** The parts of each append, side by side: ids, tables, tableOf, packedAs, subjects, data. */
  bytes: Uint8Array;
  /** An append refers to its key by the index in this list. */
  keyIds: string[];
}

/** Version 1 had no version number, and used its own method (append-call-1.ts). */
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
/** Written in place of the length when there are no subjects. If there are subjects, possibly no event names an id. */
const NO_SUBJECTS = -1;

/**
 * Unpacks the appends. Their bytes are views of the message's bytes.
 * @throws when any part of the message is not as `packAppends` of this release writes it.
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

/** Takes byte strings one after the other. Throws if fewer bytes are left than asked for. */
export function taker(bytes: Uint8Array): { (length: number): Uint8Array; left(): number } {
  let offset = 0;
  const take = (length: number) => {
    must(Number.isSafeInteger(length) && length >= 0 && offset + length <= bytes.byteLength, "length");
    return bytes.subarray(offset, (offset += length));
  };
  return Object.assign(take, { left: () => bytes.byteLength - offset });
}

/** The lengths of another layout may add up by chance. So the content of each part is checked as well. */
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

/** Header and trailer of a gzip member. */
const GZIP_MIN_BYTES = 18;

function isOutcome(code: number): boolean {
  return code < CONSENT_OUTCOMES.length;
}

export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`append call of another release, or damaged: ${what}`);
}
