// Seals the original of a failed event, its line on the raw stream, because the line contains the client's ids and the values
// that broke the rule. The sealed original is in the same row as the columns that people read, so that all of it is kept,
// expires and is erased together. Only a replay opens it. docs/adr/005-failed-events-and-replay.md.

import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";

const FORMAT = 1;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;
const INFLATED_MAX_BYTES = 8 * 1024 * 1024;
const CIPHER = "aes-256-gcm";

/** The failed event that a sealed original belongs to. It cannot be opened for another event. */
export interface SealedOf {
  project: string;
  id: string;
}

export class OriginalSeal {
  readonly #key: Buffer;
  readonly #keyId: Buffer;

  /** @param secret the installation's secret. The key is derived from it and serves nothing else */
  constructor(secret: string) {
    this.#key = Buffer.from(hkdfSync("sha256", secret, "", "failed-event originals v1", 32));
    this.#keyId = createHash("sha256").update(this.#key).digest().subarray(0, KEY_ID_BYTES);
  }

  seal(original: string, of: SealedOf): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce).setAAD(associated(of));
    const body = Buffer.concat([cipher.update(deflateRawSync(original)), cipher.final()]);
    return Buffer.concat([Buffer.of(FORMAT), this.#keyId, nonce, cipher.getAuthTag(), body]);
  }

  /** @returns null if the bytes were sealed under another key, belong to another event, or were changed. */
  open(sealed: Uint8Array, of: SealedOf): string | null {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const nonceAt = 1 + KEY_ID_BYTES;
    if (bytes.length < HEAD_BYTES || bytes[0] !== FORMAT) return null;
    if (!bytes.subarray(1, nonceAt).equals(this.#keyId)) return null;
    const tagAt = nonceAt + NONCE_BYTES;
    const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(nonceAt, tagAt));
    decipher.setAAD(associated(of)).setAuthTag(bytes.subarray(tagAt, HEAD_BYTES));
    try {
      const packed = Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]);
      return inflateRawSync(packed, { maxOutputLength: INFLATED_MAX_BYTES }).toString();
    } catch {
      // Authentication failed. GCM does not reveal whether the key, the context or the data was wrong.
      return null;
    }
  }
}

function associated({ project, id }: SealedOf): Buffer {
  return Buffer.from(JSON.stringify([project, id]));
}
