// Packs the records of one invocation into one item of the processor's ledger. A record takes about 32 bytes: 8 bytes of its
// partition key's hash, one byte of length, and its sequence number as a number.

import { hashId } from "@behaviour/contract";

export interface LedgerRecord {
  /** 16 hex digits. */
  keyHash: string;
  sequenceNumber: bigint;
}

export function ledgerRecord(partitionKey: string, sequenceNumber: string): LedgerRecord {
  const { high, low } = hashId(partitionKey);
  const keyHash = high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
  return { keyHash, sequenceNumber: BigInt(sequenceNumber) };
}

export function packLedger(records: readonly LedgerRecord[]): Uint8Array {
  return Buffer.concat(
    records.map(({ keyHash, sequenceNumber }) => {
      const digits = sequenceNumber.toString(16);
      const number = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex");
      return Buffer.concat([Buffer.from(keyHash, "hex"), Buffer.of(number.length), number]);
    }),
  );
}

/** @throws RangeError if the bytes were not written by `packLedger`. */
export function unpackLedger(packed: Uint8Array): LedgerRecord[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const records: LedgerRecord[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const start = offset + HASH_BYTES + 1;
    const end = start + bytes.readUInt8(offset + HASH_BYTES);
    if (end > bytes.length) throw new RangeError("ledger: an item is cut short");
    records.push({
      keyHash: bytes.toString("hex", offset, offset + HASH_BYTES),
      sequenceNumber: BigInt(`0x${bytes.toString("hex", start, end)}`),
    });
    offset = end;
  }
  return records;
}

const HASH_BYTES = 8;
