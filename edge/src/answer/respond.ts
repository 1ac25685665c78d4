// Builds every answer, with CORS headers, a request id, and JSON in a form that the official libraries understand. A browser
// library that can't read an answer treats it as a network fault and sends again. docs/API_DOCUMENTATION.md#answers.

import { waitUntil } from "cloudflare:workers";
import { Buffer } from "node:buffer";
import { ERRORS, errorBody, type IngestResult, LIMITS } from "@behaviour/contract";
import type { Refusal } from "./refusal.ts";

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
};
const PREFLIGHT_MAX_AGE_SECONDS = 86_400;

export function newRequestId(): string {
  return crypto.randomUUID();
}

/** Copied within the runtime. With a plain object, each name and value would be passed to the runtime for every answer. */
const OF_JSON = new Headers({ "Content-Type": "application/json; charset=utf-8", ...CORS });

export function json(status: number, body: unknown, requestId: string, headers: Record<string, string> = {}): Response {
  const answer = new Response(JSON.stringify(body), { status, headers: OF_JSON });
  answer.headers.set("X-Request-Id", requestId);
  for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value);
  return answer;
}

export function refuse(refusal: Refusal, requestId: string, headers: Record<string, string> = {}): Response {
  const { status } = ERRORS[refusal.code];
  const retry = status === 429 || status === 503 ? { "Retry-After": String(refusal.retryAfterSeconds) } : {};
  const body = errorBody(refusal.code, requestId, refusal.pointer, refusal.message);
  const answer = json(status, body, requestId, { ...retry, ...headers });
  return refusal.body === null ? answer : whileSending(answer, JSON.stringify(body), refusal.body);
}

const encoder = new TextEncoder();

/**
 * Answers a client that is still sending. The answer is complete immediately, by its length. The connection stays open while
 * the rest of the body is discarded, because a client that is cut off while it writes never reads its answer.
 */
function whileSending(answer: Response, text: string, sent: ReadableStream<Uint8Array>): Response {
  const bytes = encoder.encode(text);
  const { readable, writable } = new FixedLengthStream(bytes.byteLength);
  const writer = writable.getWriter();
  const write = async () => {
    await writer.write(bytes);
    // The client disconnected and reads no answer, but a stream that stays open would be reported as hung.
    await drain(sent).catch(() => {});
    await writer.close();
  };
  waitUntil(write().catch(() => {}));
  return new Response(readable, answer);
}

/** Discarded bytes are read into the same array each time. New arrays would not be collected until the heap is full. */
const DRAIN_PIECE_BYTES = 16 * 1024;

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader({ mode: "byob" });
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    reader.cancel().catch(() => {});
  }, LIMITS.bodyDrainMs);
  try {
    let buffer = new ArrayBuffer(DRAIN_PIECE_BYTES);
    for (let drained = 0; drained <= LIMITS.bodyDrainBytes; ) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done || isOver) return;
      drained += value.byteLength;
      // The read detached the array, and returns its memory.
      buffer = value.buffer;
    }
    await reader.cancel();
  } finally {
    clearTimeout(timer);
  }
}

/** 200, or 400 if every event of the request was rejected. */
export function result(outcome: IngestResult, requestId: string): Response {
  const taken = outcome.accepted + outcome.duplicates + outcome.suppressed;
  if (taken > 0) return json(200, outcome, requestId);
  return json(400, { ...outcome, ...errorBody("all_events_rejected", requestId) }, requestId);
}

/** 1×1, transparent. */
const GIF = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

export function pixel(requestId: string): Response {
  return new Response(GIF, {
    headers: {
      "Content-Type": "image/gif",
      "Content-Length": String(GIF.byteLength),
      "Cache-Control": "no-store",
      "X-Request-Id": requestId,
      ...CORS,
    },
  });
}

/** Allows every header that the preflight asks for, because unknown libraries send their own headers. */
export function preflight(request: Request, requestId: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...CORS,
      "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "Access-Control-Allow-Headers": request.headers.get("Access-Control-Request-Headers") ?? "*",
      "Access-Control-Max-Age": String(PREFLIGHT_MAX_AGE_SECONDS),
      Vary: "Access-Control-Request-Headers",
      "X-Request-Id": requestId,
    },
  });
}

/** Adds the common headers to an answer that was made elsewhere (by the query Lambda or the assets). */
export function withCommonHeaders(response: Response, requestId: string): Response {
  const answer = new Response(response.body, response);
  for (const [name, value] of Object.entries(CORS)) answer.headers.set(name, value);
  answer.headers.set("X-Request-Id", requestId);
  if (answer.status === 503 && !answer.headers.has("Retry-After")) answer.headers.set("Retry-After", "1");
  return answer;
}
