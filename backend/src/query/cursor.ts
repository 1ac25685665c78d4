// The cursor of a listing: where the last page ended, and of which question. Opaque and signed, so that nobody builds on its
// inside and a changed one is told from a good one; bound to project and filters, so that it can't be carried elsewhere.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod/mini";
import type { TimeRange } from "../operation/parameters.ts";

const Position = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  /** The last row of the page: the next one starts strictly behind it. */
  timeMs: z.number(),
  messageId: z.string(),
  /** Digest of the question. */
  question: z.string(),
});

export interface CursorPosition extends TimeRange {
  timeMs: number;
  messageId: string;
}

const SIGNATURE_BYTES = 16;
const CURSOR_MAX_LENGTH = 1_024;

/** Says whether two pages belong to the same question, without repeating the ids that were asked for. */
export function questionDigest(parts: readonly (string | null)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 22);
}

export class CursorSigner {
  readonly #key: Buffer;

  /** @param secret of the installation; the signing key is derived from it, so the secret itself signs nothing here. */
  constructor(secret: string) {
    this.#key = createHmac("sha256", secret).update("query cursor v1").digest();
  }

  seal(position: CursorPosition, question: string): string {
    const payload = Buffer.from(JSON.stringify({ ...position, question } satisfies z.infer<typeof Position>));
    return Buffer.concat([this.#signature(payload), payload]).toString("base64url");
  }

  /** @returns null for a cursor that was changed, cut, made elsewhere, or given out for another question. */
  open(cursor: string, question: string): CursorPosition | null {
    if (cursor.length > CURSOR_MAX_LENGTH || !/^[\w-]+$/.test(cursor)) return null;
    const bytes = Buffer.from(cursor, "base64url");
    // Base64 has spare bits at its end; only the spelling that was given out is taken.
    if (bytes.toString("base64url") !== cursor || bytes.byteLength <= SIGNATURE_BYTES) return null;
    const payload = bytes.subarray(SIGNATURE_BYTES);
    if (!timingSafeEqual(bytes.subarray(0, SIGNATURE_BYTES), this.#signature(payload))) return null;
    const position = Position.safeParse(JSON.parse(payload.toString()));
    if (!position.success || position.data.question !== question) return null;
    const { fromMs, toMs, timeMs, messageId } = position.data;
    return { fromMs, toMs, timeMs, messageId };
  }

  #signature(payload: Uint8Array): Buffer {
    return createHmac("sha256", this.#key).update(payload).digest().subarray(0, SIGNATURE_BYTES);
  }
}
