// The body's text, read within bounds. Sizes are counted while streaming, with or without a Content-Length; what an isolate
// holds at one time has a budget (budget.ts), and a body has a time to arrive in. docs/API_DOCUMENTATION.md#answers,
// #sending-events.

import { concatBytes, LIMITS, sizeText, TUNINGS } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import { Reservation } from "./budget.ts";
import { gunzipOne } from "./gunzip.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const FORM_TYPE = /^(?:multipart\/|application\/x-www-form-urlencoded)/i;
const REFUSED_TYPE = /^(?:multipart\/|(?:application|text)\/(?:[^;]*\+)?xml\b)/i;

/** A form type is refused only when the body turns out to be no JSON: one library labels gzipped JSON so. */
export function isFormType(headers: Headers): boolean {
  return FORM_TYPE.test(headers.get("Content-Type") ?? "");
}

export interface BodyHead {
  gzip: boolean;
  declaredBytes: number | null;
}

/** What the headers alone decide: media type, content encoding, declared size. */
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
  /** Said instead of the table's message, which names the bounds of ingestion. */
  tooLarge?: string;
}

const INGESTION: BodyBounds = { bytes: LIMITS.bodyBytes, compressedBytes: LIMITS.bodyCompressedBytes };

/** A body as it was read. */
export interface SentBody {
  /** Without its BOM, if it had one. */
  text: string;
  /** In UTF-8, decompressed. */
  byteLength: number;
  /** The same as bytes, until somebody who needs the memory more takes them away. */
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
  // To ask for the body makes a stream of it.
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

/** The body broke off, or its chunks are none: the client's doing, and nothing to log. */
function brokeOff(): Refusal {
  return new Refusal("invalid_encoding", { message: "The body ended before it was complete." });
}

/** Sending again can help: what was too slow is the network. */
function late(): Refusal {
  const message = `The body arrived too slowly. Allowed are ${LIMITS.bodyReadMs / 1_000} s, and 1 s more for each ${sizeText(LIMITS.bodyBytesPerSecond)}.`;
  return new Refusal("rate_limited", { message, retryAfterSeconds: 5 });
}

/** What the bodies have declared that are being read as a whole. */
let wholeReadsBytes = 0;

/**
 * A small declared body is read as a whole, which is cheapest: no stream object is made. It is charged once it is there; until
 * then the runtime holds what came of it, so only so many are read like this.
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

/** Stops at the first byte too many. */
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
    // What a refused body holds is free before the rest of it has arrived.
    reservation.release();
    reader.releaseLock();
    return refusal.unread(stream);
  };
  for (let length = 0; ; ) {
    const allowedMs = LIMITS.bodyReadMs + (length * 1_000) / LIMITS.bodyBytesPerSecond;
    // A clock that was set back gives no more time than there is.
    const leftMs = Math.min(allowedMs, beganAtMs + allowedMs - Date.now());
    const read = await inTime(reader.read(), leftMs).catch(() => null);
    if (read === null) return brokeOff();
    if (read === LATE) {
      reader.cancel().catch(() => {});
      return late();
    }
    if (read.done) {
      // It may have been taken away after its last piece had come.
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
