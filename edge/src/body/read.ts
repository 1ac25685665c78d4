// Reads a body's text within limits. Sizes are counted while streaming, with or without a Content-Length. The bytes that an
// isolate holds at one time have a budget (budget.ts), and each body has a time limit.
// docs/API_DOCUMENTATION.md#answers, #sending-events.

import { concatBytes, LIMITS, sizeText, TUNINGS } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import { Reservation } from "./budget.ts";
import { gunzipOne } from "./gunzip.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const FORM_TYPE = /^(?:multipart\/|application\/x-www-form-urlencoded)/i;
const REFUSED_TYPE = /^(?:multipart\/|(?:application|text)\/(?:[^;]*\+)?xml\b)/i;

/** A form type is refused only if the body is not JSON, because one library labels gzipped JSON as a form. */
export function isFormType(headers: Headers): boolean {
  return FORM_TYPE.test(headers.get("Content-Type") ?? "");
}

export interface BodyHead {
  gzip: boolean;
  declaredBytes: number | null;
}

/** Judges a body by its headers alone: media type, content encoding, declared size. */
export function judgeHeaders(headers: Headers): Refusal | BodyHead {
  if (REFUSED_TYPE.test(headers.get("Content-Type") ?? "")) return new Refusal("unsupported_media_type");
  const encoding = (headers.get("Content-Encoding") ?? "").trim().toLowerCase();
  if (encoding !== "" && encoding !== "identity" && encoding !== "gzip") return new Refusal("unsupported_encoding");
  const gzip = encoding === "gzip";
  const length = headers.get("Content-Length");
  const declaredBytes = length !== null && /^\d+$/.test(length) ? Number(length) : null;
  return { gzip, declaredBytes };
}

/** How large a route's bodies may be. */
export interface BodyBounds {
  /** Plain or decompressed. */
  bytes: number;
  compressedBytes: number;
  /** Replaces the code's message, which names the limits of ingestion. */
  tooLarge?: string;
}

const INGESTION: BodyBounds = { bytes: LIMITS.bodyBytes, compressedBytes: LIMITS.bodyCompressedBytes };

/** A body as it was read. */
export interface SentBody {
  /** Without its BOM, if it had one. */
  text: string;
  /** In UTF-8, decompressed. */
  byteLength: number;
  /** The text as bytes. Null once they were released, because the memory is needed elsewhere. */
  bytes: Uint8Array | null;
}

/** A body that counts against the isolate's budget until it is disposed of: `using` does so at the end of the block. */
export interface HeldBody extends SentBody, Disposable {}

/** Reads the whole body as text. A BOM at its beginning is left out. */
export async function readBody(
  request: Request,
  how: BodyHead,
  bounds: BodyBounds = INGESTION,
): Promise<HeldBody | Refusal> {
  const limit = how.gzip ? bounds.compressedBytes : bounds.bytes;
  if (how.declaredBytes !== null && how.declaredBytes > limit) return tooLarge(bounds).unread(request.body);
  if (how.declaredBytes === 0) return new Refusal("empty_body");
  const isWhole = mayReadWhole(how);
  // Accessing `body` creates a stream, so a whole read must not access it.
  if (!isWhole && request.body === null) return new Refusal("empty_body");
  const isSmall = how.declaredBytes !== null && how.declaredBytes <= TUNINGS.bodySmallBytes;
  const mostBytes = how.gzip ? bounds.bytes : (how.declaredBytes ?? bounds.bytes);
  const reservation = isWhole ? new Reservation(isSmall) : Reservation.begin(isSmall, mostBytes);
  if (reservation === null) return new Refusal("overloaded").unread(request.body);
  let body: SentBody | Refusal | null = null;
  try {
    body = await readText(request, how, isWhole, bounds, reservation);
  } finally {
    if (body === null || body instanceof Refusal) reservation.release();
  }
  return body instanceof Refusal ? body : held(body, reservation);
}

function held(body: SentBody, reservation: Reservation): HeldBody {
  return Object.assign(body, { [Symbol.dispose]: () => reservation.release() });
}

async function readText(
  request: Request,
  { gzip, declaredBytes }: BodyHead,
  isWhole: boolean,
  bounds: BodyBounds,
  reservation: Reservation,
): Promise<SentBody | Refusal> {
  const sent = isWhole
    ? await readWhole(request, declaredBytes as number, reservation)
    : await readAtMost(
        request.body as ReadableStream<Uint8Array>,
        gzip ? bounds.compressedBytes : bounds.bytes,
        bounds,
        reservation,
      );
  if (sent instanceof Refusal) return sent;
  reservation.complete();
  if (sent.byteLength === 0) return new Refusal("empty_body");
  const bytes = gzip ? unpack(sent, bounds, reservation) : sent;
  if (bytes instanceof Refusal) return bytes;
  try {
    return sentBody(bytes);
  } catch {
    return new Refusal("invalid_encoding");
  }
}

/** @throws for anything but UTF-8. */
export function sentBody(bytes: Uint8Array): SentBody {
  const text = decoder.decode(bytes);
  const hasBom = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return { text, byteLength: bytes.byteLength, bytes: hasBom ? bytes.subarray(3) : bytes };
}

function unpack(sent: Uint8Array, bounds: BodyBounds, reservation: Reservation): Uint8Array | Refusal {
  const unpacked = gunzipOne(sent, bounds.bytes);
  if (unpacked === "invalid") return new Refusal("invalid_encoding");
  if (unpacked === "tooLarge") return tooLarge(bounds);
  return reservation.growTo(unpacked.byteLength) ? unpacked : new Refusal("overloaded");
}

function tooLarge({ tooLarge: message }: BodyBounds): Refusal {
  return new Refusal("payload_too_large", message === undefined ? {} : { message });
}

/** The body broke off, or its chunked encoding is invalid. The client caused this, so nothing is logged. */
function brokeOff(): Refusal {
  return new Refusal("invalid_encoding", { message: "The body ended before it was complete." });
}

/** A retry can help, because the network was too slow. */
function late(): Refusal {
  const message = `The body arrived too slowly. Allowed are ${LIMITS.bodyReadMs / 1_000} s, and 1 s more for each ${sizeText(LIMITS.bodyBytesPerSecond)}.`;
  return new Refusal("rate_limited", { message, retryAfterSeconds: 5 });
}

/** Declared bytes of all bodies that are being read as a whole. */
let wholeReadsBytes = 0;

/**
 * A small declared body is read as a whole, which is cheapest because no stream object is created. It is charged when it has
 * arrived. Until then the runtime holds the received part, so the declared bytes of all such reads are limited.
 */
function mayReadWhole({ gzip, declaredBytes }: BodyHead): boolean {
  if (gzip || declaredBytes === null || declaredBytes > TUNINGS.bodyWholeBytes) return false;
  return wholeReadsBytes + declaredBytes <= LIMITS.bodyWholeReadsBytes;
}

async function readWhole(
  request: Request,
  declaredBytes: number,
  reservation: Reservation,
): Promise<Uint8Array | Refusal> {
  wholeReadsBytes += declaredBytes;
  try {
    const bytes = await inTime(request.arrayBuffer(), LIMITS.bodyReadMs);
    if (bytes === LATE) return late();
    return reservation.growTo(bytes.byteLength) ? new Uint8Array(bytes) : new Refusal("overloaded");
  } catch {
    return brokeOff();
  } finally {
    wholeReadsBytes -= declaredBytes;
  }
}

/** Stops at the first byte beyond the limit. */
async function readAtMost(
  stream: ReadableStream<Uint8Array>,
  limitBytes: number,
  bounds: BodyBounds,
  reservation: Reservation,
): Promise<Uint8Array | Refusal> {
  const { chunks } = reservation;
  const beganAtMs = Date.now();
  const reader = stream.getReader();
  const stopped = (refusal: Refusal) => {
    // Free the memory of a refused body before the rest of it arrives.
    reservation.release();
    reader.releaseLock();
    return refusal.unread(stream);
  };
  for (let length = 0; ; ) {
    const allowedMs = LIMITS.bodyReadMs + (length * 1_000) / LIMITS.bodyBytesPerSecond;
    // If the clock was set back, the wait is still limited to `allowedMs`.
    const leftMs = Math.min(allowedMs, beganAtMs + allowedMs - Date.now());
    const read = await inTime(reader.read(), leftMs).catch(() => null);
    if (read === null) return brokeOff();
    if (read === LATE) {
      reader.cancel().catch(() => {});
      return late();
    }
    if (read.done) {
      // The reservation may have been taken away after the last piece arrived.
      if (!reservation.growTo(length)) return new Refusal("overloaded");
      break;
    }
    length += read.value.byteLength;
    if (length > limitBytes) return stopped(tooLarge(bounds));
    if (!reservation.growTo(length)) return stopped(new Refusal("overloaded"));
    chunks.push(read.value);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : concatBytes(chunks.splice(0));
}

const LATE = Symbol("late");

async function inTime<T>(work: Promise<T>, ms: number): Promise<T | typeof LATE> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, ms, LATE);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
