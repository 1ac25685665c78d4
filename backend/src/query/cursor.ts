// Seals and opens the cursor of a listing: the end of the last page, and the question of the listing. A cursor is opaque, so that
// no client depends on its content, and signed, so that a change is detected. It is bound to the project and the filters, so that
// it cannot be used for another listing.

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod/mini";
import type { TimeRange } from "../operation/parameters.ts";

const Position = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  /** The last row of the page. The next page starts strictly after it. */
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

/** Tells whether two pages belong to the same question, without repeating the ids in the question. */
export function questionDigest(parts: readonly (string | null)[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url").slice(0, 22);
}

export class CursorSigner {
  readonly #key: Buffer;

  /** @param secret the installation's secret. The signing key is derived from it, so the secret itself signs nothing here. */
  constructor(secret: string) {
    this.#key = createHmac("sha256", secret).update("query cursor v1").digest();
  }

  seal(position: CursorPosition, question: string): string {
    const payload = Buffer.from(JSON.stringify({ ...position, question } satisfies z.infer<typeof Position>));
    return Buffer.concat([this.#signature(payload), payload]).toString("base64url");
  }

  /** @returns null for a cursor that was changed, cut, created elsewhere, or issued for another question. */
  open(cursor: string, question: string): CursorPosition | null {
    if (cursor.length > CURSOR_MAX_LENGTH || !/^[\w-]+$/.test(cursor)) return null;
    const bytes = Buffer.from(cursor, "base64url");
    // Base64 has unused bits at its end. Only the spelling that was issued is accepted.
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
