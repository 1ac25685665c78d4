// Stage 2: the body's text, read within bounds. Sizes are counted while streaming, with or without a Content-Length, and
// what an isolate holds at one time has a budget: beyond it 503 before the body is read. API.md §1, §3.

import { concatBytes, LIMITS } from "@behaviour/contract";
import { Refusal } from "../refusal.ts";
import { gunzipOne } from "./gunzip.ts";

/** Bytes of bodies all requests of this isolate hold now. */
let heldBytes = 0;

/** What one request holds of the isolate's budget; it grows with what really arrives. */
class Reservation {
  #bytes = 0;

  /** Whether that much could be taken now. */
  static hasRoom(bytes: number): boolean {
    return heldBytes + bytes <= LIMITS.isolateBodyBytes;
  }

  /**
   * Whether a body may begin that is charged as it arrives. The other half of the budget is for those that have begun: if
   * newcomers could take it, under a flood of large bodies each would be refused half-way and none ever finished.
   */
  static admits(): boolean {
    return heldBytes <= LIMITS.isolateBodyBytes / 2;
  }

  /** @returns false when the budget is spent; nothing is taken then. */
  growTo(bytes: number): boolean {
    const more = bytes - this.#bytes;
    if (more <= 0) return true;
    if (!Reservation.hasRoom(more)) return false;
    heldBytes += more;
    this.#bytes = bytes;
    return true;
  }

  release(): void {
    heldBytes -= this.#bytes;
    this.#bytes = 0;
  }
}

/**
 * A declared body up to this is charged and read as a whole, which is cheapest. A larger one is charged as it arrives: else
 * six clients that declare much and send nothing would hold all of the budget.
 */
const WHOLE_BYTES = 256 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const FORM_TYPE = /^(?:multipart\/|application\/x-www-form-urlencoded)/i;
const REFUSED_TYPE = /^(?:multipart\/|(?:application|text)\/(?:[^;]*\+)?xml\b)/i;

/** A form type is refused only when the body turns out to be no JSON: one library labels gzipped JSON so. */
export function isFormType(headers: Headers): boolean {
  return FORM_TYPE.test(headers.get("Content-Type") ?? "");
}

/** What the headers alone decide: media type, content encoding, declared size. */
export function judgeHeaders(headers: Headers): Refusal | { gzip: boolean; declaredBytes: number | null } {
  if (REFUSED_TYPE.test(headers.get("Content-Type") ?? "")) return new Refusal("unsupported_media_type");
  const encoding = (headers.get("Content-Encoding") ?? "").trim().toLowerCase();
  if (encoding !== "" && encoding !== "identity" && encoding !== "gzip") return new Refusal("unsupported_encoding");
  const gzip = encoding === "gzip";
  const length = headers.get("Content-Length");
  const declaredBytes = length !== null && /^\d+$/.test(length) ? Number(length) : null;
  return { gzip, declaredBytes };
}

/**
 * Reads the whole body as text; one BOM is ignored.
 * `use` is called with the text and its bytes (decompressed) while they count against the isolate's budget.
 */
export async function withBody<T>(
  request: Request,
  how: { gzip: boolean; declaredBytes: number | null },
  use: (text: string, bytes: number) => Promise<T>,
): Promise<T | Refusal> {
  const limit = how.gzip ? LIMITS.bodyCompressedBytes : LIMITS.bodyBytes;
  if (how.declaredBytes !== null && how.declaredBytes > limit) {
    await drain(request.body);
    return new Refusal("payload_too_large");
  }
  if (how.declaredBytes === 0) return new Refusal("empty_body");
  const reservation = new Reservation();
  try {
    if (isReadWhole(how) ? !Reservation.hasRoom(how.declaredBytes ?? 0) : !Reservation.admits()) {
      await drain(request.body);
      return new Refusal("overloaded");
    }
    const bytes = await readBytes(request, how, reservation).catch(hungUp);
    if (bytes instanceof Refusal) return bytes;
    if (bytes.byteLength === 0) return new Refusal("empty_body");
    const text = decode(bytes);
    return text instanceof Refusal ? text : await use(text, bytes.byteLength);
  } finally {
    reservation.release();
  }
}

function isReadWhole({ gzip, declaredBytes }: { gzip: boolean; declaredBytes: number | null }): boolean {
  return !gzip && declaredBytes !== null && declaredBytes <= WHOLE_BYTES;
}

/** The body broke off: whatever is answered, nobody reads it. No fault of ours, and nothing to log. */
function hungUp(): Refusal {
  return new Refusal("unavailable");
}

async function readBytes(
  request: Request,
  how: { gzip: boolean; declaredBytes: number | null },
  reservation: Reservation,
): Promise<Uint8Array | Refusal> {
  // With a declared length the runtime hands over exactly that much, and a stream object is not even made.
  if (isReadWhole(how)) {
    return reservation.growTo(how.declaredBytes ?? 0)
      ? new Uint8Array(await request.arrayBuffer())
      : new Refusal("overloaded");
  }
  const { body } = request;
  if (body === null) return new Refusal("empty_body");
  if (!how.gzip) return readAtMost(body, LIMITS.bodyBytes, reservation);
  const compressed = await readAtMost(body, LIMITS.bodyCompressedBytes, reservation);
  if (compressed instanceof Refusal) return compressed;
  if (compressed.byteLength === 0) return new Refusal("empty_body");
  const unpacked = gunzipOne(compressed, LIMITS.bodyBytes);
  if (unpacked === "invalid") return new Refusal("invalid_encoding");
  if (unpacked === "tooLarge") return new Refusal("payload_too_large");
  return reservation.growTo(unpacked.byteLength) ? unpacked : new Refusal("overloaded");
}

/** Stops at the first byte too many. */
async function readAtMost(
  stream: ReadableStream<Uint8Array>,
  limitBytes: number,
  reservation: Reservation,
): Promise<Uint8Array | Refusal> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    const tooLarge = length > limitBytes;
    if (tooLarge || !reservation.growTo(length)) {
      reader.releaseLock();
      // Before the rest is taken in, which lasts: what a refused body holds until then would have others refused too.
      chunks.length = 0;
      reservation.release();
      await drain(stream);
      return new Refusal(tooLarge ? "payload_too_large" : "overloaded");
    }
    chunks.push(value);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : concatBytes(chunks);
}

/** A client that is cut off while it still writes never reads the answer: take what it sends, up to a bound, and forget it. */
async function drain(stream: ReadableStream<Uint8Array> | null): Promise<void> {
  if (stream === null) return;
  const reader = stream.getReader();
  let drained = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      drained += value.byteLength;
      if (drained > LIMITS.bodyDrainBytes) break;
    }
    await reader.cancel();
  } catch {
    // The client hung up: there is nobody left to answer.
  }
}

function decode(bytes: Uint8Array): string | Refusal {
  try {
    return decoder.decode(bytes);
  } catch {
    return new Refusal("invalid_encoding");
  }
}
