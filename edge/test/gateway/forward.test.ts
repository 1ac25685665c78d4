// Tests reading calls. The edge authorizes them, and the query backend, which only trusts signed headers, answers them.
// docs/API_DOCUMENTATION.md#reading, E12.

import { env } from "cloudflare:workers";
import { gzipSync } from "node:zlib";
import { errorBody, LIMITS } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../src/env.ts";
import { readyz } from "../../src/gateway/health.ts";
import { FORWARDED_ROUTES } from "../../src/gateway/routes.ts";
import { bearer, expectCors, fetchEdge, goodEvent, type SendOptions, send } from "../client.ts";
import { expectAnswer, useTable } from "../collect/table.ts";
import { callCount, scriptAnswer } from "../servers/backend/scripted.ts";
import type { ReceivedCall } from "../servers/backend/server.ts";
import { untilArrived } from "../servers/kinesis/stream.ts";

const table = useTable("forward");
afterEach(() => vi.useRealTimers());

const ERROR_503 = errorBody("unavailable", "r");

/** Sends a call and returns what the backend received. */
async function received(path: string, options: SendOptions = {}): Promise<ReceivedCall> {
  const answer = await send(path, { headers: bearer(table.secretKey), ...options });
  expect(answer.status).toBe(200);
  return answer.body.data as ReceivedCall;
}

describe("a reading call", () => {
  it("reaches the backend signed, with the identity of the caller", async () => {
    const call = await received("/v1/query/trend?event=Sign%20up&measure=users&timezone=Europe%2FZagreb&x=a%2Bb*~!()");
    expect(call.method).toBe("GET");
    expect(call.url).toBe("/v1/query/trend?event=Sign%20up&measure=users&timezone=Europe%2FZagreb&x=a%2Bb*~!()");
    expect(call.headers).toMatchObject({ "x-project": table.project, "x-scopes": "write consent read admin privacy" });
    expect(call.headers["x-key-id"]).toMatch(/^key-/);
    expect(call.signature?.service).toBe("lambda");
    expect(call.signature?.headers).toEqual(
      expect.arrayContaining(["host", "x-amz-date", "x-project", "x-key-id", "x-scopes", "x-request-id"]),
    );
  });

  it("with a body is signed with it", async () => {
    const body = { steps: [{ event: "ä" }, { event: "😀" }], within: "7d" };
    const call = await received("/v1/query/funnel", {
      body,
      headers: { ...bearer(table.secretKey), "Content-Type": "application/json" },
    });
    expect(JSON.parse(call.body)).toEqual(body);
    expect(call.headers["content-type"]).toBe("application/json");
    expect(call.signature).not.toBeNull();
  });

  it("cannot set its identity itself", async () => {
    const forged = { "X-Project": "other", "X-Key-Id": "admin", "X-Scopes": "admin", "X-Shard-Trace": "{}" };
    const call = await received("/v1/events", { headers: { ...bearer(table.secretKey), ...forged } });
    expect(call.headers).toMatchObject({ "x-project": table.project });
    expect(call.headers["x-key-id"]).not.toBe("admin");
    expect(call.headers["x-shard-trace"]).toBeUndefined();
  });

  it("is forwarded without the key and the cookie", async () => {
    const call = await received("/v1/events", { headers: { ...bearer(table.secretKey), Cookie: "session=x" } });
    expect(JSON.stringify(call)).not.toContain(table.secretKey);
    expect(call.headers.cookie).toBeUndefined();
  });

  it("with a trailing slash is the same call", async () => {
    expect((await received("/v1/events/?limit=5")).url).toBe("/v1/events?limit=5");
  });

  it("after one message tells what the shard knows of it", async () => {
    const event = goodEvent({ messageId: `ä ${crypto.randomUUID()}` });
    await send("/v1/track", { headers: bearer(table.publicKey), body: event });
    await untilArrived(table.project, [event.messageId]);
    const call = await received(`/v1/events/${encodeURIComponent(event.messageId)}`);
    expect(call.signature).not.toBeNull();
    const unknown = await received("/v1/events/unknown");
    expect(unknown.headers["x-shard-trace"]).toBeUndefined();
  });
});

describe("a forwarded body", () => {
  const path = "/v1/query/funnel";
  const tooLarge = { status: 413, code: "payload_too_large" } as const;

  /** A body without a Content-Length that sends pieces as long as it is read. */
  function endless(): { body: ReadableStream<Uint8Array>; pieces: () => number } {
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces++;
        controller.enqueue(new Uint8Array(1_024 * 1_024).fill(0x20));
      },
    });
    return { body, pieces: () => pieces };
  }

  const withBodies = Object.entries(FORWARDED_ROUTES).flatMap(([route, { methods }]) =>
    methods
      .filter((method) => method !== "GET" && method !== "DELETE")
      .map((method) => ({ method, url: route.replaceAll(/\{\w+\}/g, "x") })),
  );

  it.each(withBodies)("at the limit is passed on, one byte more is not: $method $url", async ({ method, url }) => {
    const headers = bearer(table.secretKey);
    const limit = url === "/v1/admin/tracking-plan" ? LIMITS.forwardedPlanBytes : LIMITS.forwardedBodyBytes;
    const body = (bytes: number) => `{"a":"${"x".repeat(bytes - 8)}"}`;
    const before = await callCount(url);
    expect((await send(url, { method, headers, body: body(limit) })).status).toBe(200);
    expect(await callCount(url)).toBe(before + 1);
    expectAnswer(await send(url, { method, headers, body: body(limit + 1) }), tooLarge);
    const gzip = { ...headers, "Content-Encoding": "gzip" };
    expectAnswer(await send(url, { method, headers: gzip, body: gzipSync(body(limit + 1)) }), tooLarge);
    expect(await callCount(url)).toBe(before + 1);
  });

  it.each(["POST /v1/query/funnel", "POST /v1/failed-events/replay", "PUT /v1/admin/tracking-plan"])(
    "without an end is not read to its end: %s",
    async (call) => {
      const [method, url] = call.split(" ") as [string, string];
      const { body, pieces } = endless();
      expectAnswer(await send(url, { method, headers: bearer(table.secretKey), body }), tooLarge);
      expect(pieces()).toBeLessThan(24);
      await table.expectGoodEventTaken();
    },
  );

  it("is refused before it is read where the key may not", async () => {
    const { body, pieces } = endless();
    const answer = await send(path, { headers: bearer(table.publicKey), body });
    expectAnswer(answer, { status: 403, code: "insufficient_scope" });
    expect(pieces()).toBeLessThan(3);
  });

  it("may be packed, and may be left out", async () => {
    const packed = new Uint8Array(gzipSync('{"steps":[]}'));
    const call = await received(path, {
      headers: { ...bearer(table.secretKey), "Content-Encoding": "gzip" },
      body: packed,
    });
    expect(call.body).toBe('{"steps":[]}');
    expect(call.signature).not.toBeNull();
    expect((await received("/v1/admin/keys/k_1/rotate", { method: "POST" })).body).toBe("");
  });
});

describe("the backend's answer", () => {
  const path = "/v1/query/top";

  it.each([
    [400, { success: false, code: "invalid_parameter", message: "m", error: "m", request_id: "r", pointer: "/by" }],
    [404, { success: false, code: "not_found", message: "m", error: "m", request_id: "r" }],
  ])("of %i comes through with what every answer carries", async (status, body) => {
    await scriptAnswer({ path, status, body });
    const response = await fetchEdge(path, { headers: bearer(table.secretKey) });
    expect(response.status).toBe(status);
    expectCors(response.headers);
    expect(response.headers.get("X-Request-Id")).not.toBeNull();
    expect(await response.json()).toEqual(body);
  });

  it.each([
    { name: "a function that failed", answer: { status: 502, body: { Message: "Internal Server Error" } } },
    { name: "a function that is throttled", answer: { status: 429, body: {} } },
    {
      name: "a signature that is not taken",
      answer: { status: 403, body: { Message: "Forbidden" }, headers: { "x-amzn-ErrorType": "AccessDeniedException" } },
    },
    { name: "a 503 without Retry-After", answer: { status: 503, body: ERROR_503 } },
  ])("that is the platform's, of $name, is a 503 in our words", async ({ answer }) => {
    await scriptAnswer({ path: "/v1/query/retention", ...answer });
    const { status, headers } = await fetchEdge("/v1/query/retention", { headers: bearer(table.secretKey), body: {} });
    expectCors(headers);
    expect(status).toBe(503);
    expect(headers.get("Retry-After")).toMatch(/^[1-9]\d*$/);
  });

  it("has no body when HEAD asked for it", async () => {
    const response = await fetchEdge("/v1/events", { method: "HEAD", headers: bearer(table.secretKey) });
    expect(response.status).toBe(200);
    expectCors(response.headers);
    expect(await response.text()).toBe("");
  });

  it("may go on for longer than a call may take, where it streams", { timeout: 60_000 }, async () => {
    const texts = Array.from({ length: 12 }, (_, index) => `{"n":${index}}\n`);
    const pauseMs = LIMITS.callDeadlineMs / 10;
    await scriptAnswer({ path: "/v1/export", status: 200, body: {}, pieces: { texts, pauseMs } });
    const startedMs = Date.now();
    const response = await fetchEdge("/v1/export", { headers: bearer(table.secretKey) });
    expect(await response.text()).toBe(texts.join(""));
    expect(Date.now() - startedMs).toBeGreaterThan(LIMITS.callDeadlineMs);
  });

  it("that does not come is a 503", async () => {
    await scriptAnswer({ path: "/v1/query/realtime", status: 200, body: {}, cut: true });
    const answer = await send("/v1/query/realtime", { headers: bearer(table.secretKey) });
    expectAnswer(answer, { status: 503, code: "unavailable" });
    await table.expectGoodEventTaken();
  });
});

describe("reading", () => {
  const path = "/v1/query/retention-of-nobody";
  it("requires a key", async () => {
    expectAnswer(await send("/v1/events"), { status: 401, code: "missing_api_key" });
  });

  it("is refused for a public key", async () => {
    expectAnswer(await send("/v1/events", { headers: bearer(table.publicKey) }), {
      status: 403,
      code: "insufficient_scope",
    });
  });

  it("is refused for a secret key without the scope", async () => {
    const reader = await table.newKey({ kind: "secret", scopes: ["read"] });
    expect((await send("/v1/events", { headers: bearer(reader) })).status).toBe(200);
    for (const call of ["/v1/admin/keys", "/v1/audit"]) {
      expectAnswer(await send(call, { headers: bearer(reader) }), { status: 403, code: "insufficient_scope" });
    }
    const writer = await table.newKey({ kind: "secret", scopes: ["write"] });
    expectAnswer(await send("/v1/events", { headers: bearer(writer) }), { status: 403, code: "insufficient_scope" });
  });

  it("is refused for a secret key from a page", async () => {
    const headers = { ...bearer(table.secretKey), Origin: "https://shop.test" };
    expectAnswer(await send("/v1/events", { headers }), { status: 403, code: "secret_key_in_browser" });
  });

  it("and a call that is not in the table never leaves the edge", async () => {
    expectAnswer(await send(path, { headers: bearer(table.secretKey) }), { status: 404, code: "not_found" });
    for (const other of ["/v1/query/..%2finternal%2fkeys", "/internal/keys/x", "/v1/admin/keys/a/b/c"]) {
      expectAnswer(await send(other, { headers: bearer(table.secretKey) }), { status: 404, code: "not_found" });
    }
    expect(await callCount(path)).toBe(0);
  });
});

describe("readiness", () => {
  /** Advances the time until an isolate's cached readiness has expired. */
  const later = () => vi.setSystemTime(Date.now() + 6_000);

  it("/readyz names what is not ready, with the fields of every error", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    expect((await send("/readyz")).body).toMatchObject({ success: true, status: "ready", notReady: [] });
    await scriptAnswer({ path: "/healthz", status: 500, body: {} });
    later();
    const answer = await send("/readyz");
    expectAnswer(answer, { status: 503, code: "unavailable" });
    expect(answer.body).toMatchObject({ notReady: ["query"] });
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    await scriptAnswer({ path: "/healthz", status: 200, body: {} });
    later();
    expect((await send("/readyz")).status).toBe(200);
  });

  it("is checked once in five seconds, for any number of callers", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
    await send("/readyz");
    const before = await callCount("/healthz");
    await Promise.all(Array.from({ length: 50 }, () => send("/readyz")));
    expect(await callCount("/healthz")).toBe(before);
    later();
    await Promise.all(Array.from({ length: 50 }, () => send("/readyz")));
    expect(await callCount("/healthz")).toBe(before + 1);
  });

  it("is given while the stream of any region accepts records", async () => {
    const dead = "http://127.0.0.1:9";
    const alive = env.KINESIS_ENDPOINT;
    const region = "eu-central-1";
    const ask = async (change: Partial<Env>) => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
      const answer = await readyz({ ...env, ...change }, "r");
      return { status: answer.status, ...(await answer.json<object>()) };
    };
    expect(
      await ask({ KINESIS_ENDPOINT: dead, SECONDARY_AWS_REGION: region, SECONDARY_KINESIS_ENDPOINT: alive }),
    ).toMatchObject({ status: "ready", notReady: [], degraded: ["stream us-east-1"] });
    expect(
      await ask({ KINESIS_ENDPOINT: dead, SECONDARY_AWS_REGION: region, SECONDARY_KINESIS_ENDPOINT: dead }),
    ).toMatchObject({ notReady: ["stream"] });
    expect(await ask({ KINESIS_ENDPOINT: dead, SECONDARY_AWS_REGION: "" })).toMatchObject({ notReady: ["stream"] });
  });
});
