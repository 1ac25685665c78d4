// Every answer leaves through here: CORS on each of them (a browser library that can't read an answer takes it for a network
// fault and sends again), a request id, and JSON whose form the official libraries understand. docs/API_DOCUMENTATION.md#answers.

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

/** Copied within the runtime: of an object, each name and each value would be handed over anew for every answer. */
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
 * An answer to a client that is still sending. The answer is complete at once by its length; the connection stays open while
 * what the client sends is thrown away. A client that is cut off while it writes never reads its answer.
 */
function whileSending(answer: Response, text: string, sent: ReadableStream<Uint8Array>): Response {
  const bytes = encoder.encode(text);
  const { readable, writable } = new FixedLengthStream(bytes.byteLength);
  const writer = writable.getWriter();
  const write = async () => {
    await writer.write(bytes);
    // The client hung up: there is nobody left to answer, but a stream that stays open would be reported as hung.
    await drain(sent).catch(() => {});
    await writer.close();
  };
  waitUntil(write().catch(() => {}));
  return new Response(readable, answer);
}

/** What is thrown away is read into one array again and again: a new one for each read would lie there until the heap is full. */
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
      // The runtime took the array away and gives it back.
      buffer = value.buffer;
    }
    await reader.cancel();
  } finally {
    clearTimeout(timer);
  }
}

/** 200, or 400 when not one event of the request could be taken. */
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

/** What the preflight asks for is repeated back: unknown libraries send headers of their own. */
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

/** Adds to an answer made elsewhere (the query Lambda, the assets) what every answer carries. */
export function withCommonHeaders(response: Response, requestId: string): Response {
  const answer = new Response(response.body, response);
  for (const [name, value] of Object.entries(CORS)) answer.headers.set(name, value);
  answer.headers.set("X-Request-Id", requestId);
  if (answer.status === 503 && !answer.headers.has("Retry-After")) answer.headers.set("Retry-After", "1");
  return answer;
}
