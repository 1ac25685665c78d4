// Sends requests to the Worker as HTTP, and checks every answer against the promises of docs/API_DOCUMENTATION.md#answers.

import { exports } from "cloudflare:workers";
import { ERRORS, type ErrorCode, type IngestResult } from "@behaviour/contract";
import { expect } from "vitest";

export const ORIGIN = "https://edge.test";

export interface Answer {
  status: number;
  headers: Headers;
  body: IngestResult & { code?: ErrorCode; pointer?: string; message?: string; data?: unknown };
}

export interface SendOptions {
  method?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: BodyInit | object | null;
}

/** Sends a request that is answered with JSON. */
export async function send(path: string, options: SendOptions = {}): Promise<Answer> {
  const response = await fetchEdge(path, options);
  const body = await response.json<Answer["body"]>();
  const answer: Answer = { status: response.status, headers: response.headers, body };
  expectWellFormed(answer);
  return answer;
}

export function fetchEdge(path: string, { method, headers = {}, body = null }: SendOptions): Promise<Response> {
  const init: RequestInit = { method: method ?? (body === null ? "GET" : "POST"), headers, redirect: "manual" };
  if (body !== null) init.body = isPlain(body) ? JSON.stringify(body) : (body as BodyInit);
  // workerd does not need this option, but other runtimes only accept a stream with it.
  if (body instanceof ReadableStream) Object.assign(init, { duplex: "half" });
  return exports.default.fetch(new Request(`${ORIGIN}${path}`, init));
}

function isPlain(body: BodyInit | object): boolean {
  return Array.isArray(body) || Object.getPrototypeOf(body) === Object.prototype;
}

function expectWellFormed({ status, headers, body }: Answer): void {
  expectCors(headers);
  const requestId = headers.get("X-Request-Id");
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(headers.get("Content-Type")).toMatch(/^application\/json/);
  if (status < 400) return;
  expect(body).toMatchObject({ success: false, request_id: requestId, error: body.message });
  expect(body.message).not.toBe("");
  expect(Object.keys(ERRORS)).toContain(body.code);
  expect(ERRORS[body.code as ErrorCode].status).toBe(status);
  if (status === 429 || status === 503) expect(headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
  if (status === 405) expect(headers.get("Allow")).not.toBeNull();
}

export function expectCors(headers: Headers): void {
  expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
  expect(headers.get("Access-Control-Expose-Headers")?.split(/,\s*/)).toEqual(
    expect.arrayContaining(["Retry-After", "X-Request-Id"]),
  );
}

export function bearer(key: string): Record<string, string> {
  return { Authorization: `Bearer ${key}` };
}

let sent = 0;

/** An event that is valid in every respect. */
export function goodEvent(change: Record<string, unknown> = {}): Record<string, unknown> & { messageId: string } {
  return {
    type: "track",
    event: "Tested",
    anonymousId: "device-1",
    messageId: `good-${++sent}-${crypto.randomUUID().slice(0, 8)}`,
    properties: { plan: "pro", price: 12.5 },
    ...change,
  };
}

/** One result per event: the four counters add up to the events of the request. */
export function expectConserved(body: IngestResult, events: number): void {
  expect(body.accepted + body.duplicates + body.suppressed + body.rejected.length).toBe(events);
  for (const { index } of [...body.rejected, ...body.warnings]) {
    expect(index).toBeGreaterThanOrEqual(0);
    expect(index).toBeLessThan(events);
  }
}
