// Tests unusual addresses. They cause no redirect and no answer of the platform behind the edge, and no address is signed that
// the backend would read differently.

import { env } from "cloudflare:workers";
import { LIMITS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { page } from "../../src/gateway/pages.ts";
import { bearer, fetchEdge, ORIGIN, send } from "../client.ts";
import { expectAnswer, useTable } from "../collect/table.ts";
import { callCount, scriptAnswer } from "../servers/backend/scripted.ts";
import type { ReceivedCall } from "../servers/backend/server.ts";

const table = useTable("odd-addresses");

describe("a query string", () => {
  const PATH = "/v1/failed-events";
  const invalid = { status: 400, code: "invalid_parameter" } as const;

  it.each([
    ["?from=2026-01-01&=x", "/"],
    ["?=", "/"],
    ["?=x", "/"],
    ["?&=x&code=a", "/"],
    ["?+=x", null],
    ["?%3D=x&%3D=y", "/="],
    ["?code=a&code=b", "/code"],
    ["?code=a&code=", "/code"],
    ["?code=a&c%6Fde=b", "/code"],
    ["?a~/b=1&a~/b=2", "/a~0~1b"],
    ["?code=%", undefined],
    ["?code=%zz", undefined],
    ["?code=%ff", undefined],
    ["?%E0%A4%A=x", undefined],
    ["?code=%ED%A0%80", undefined],
    [`?code=${"x".repeat(LIMITS.queryAddressLength)}`, undefined],
    [`?${"a&".repeat(LIMITS.queryAddressLength / 2)}`, undefined],
  ])("%.40s is refused here, or signed as it is read", async (query, pointer) => {
    const before = await callCount(PATH);
    const answer = await send(`${PATH}${query}`, { headers: bearer(table.secretKey) });
    if (pointer === null) {
      expect((answer.body.data as ReceivedCall).signature).not.toBeNull();
      return;
    }
    expectAnswer(answer, pointer === undefined ? invalid : { ...invalid, pointer });
    expect(await callCount(PATH)).toBe(before);
  });

  it.each([
    ["?", {}],
    ["?&&", {}],
    ["?code", { code: "" }],
    ["?code=", { code: "" }],
    ["?code=a=b", { code: "a=b" }],
    ["?code=a+b%2Bc", { code: "a b+c" }],
    ["?code=a;b&kind=c", { code: "a;b", kind: "c" }],
    ["?__proto__=x&constructor=y", { __proto__: null, constructor: "y" }],
    ["?code=%00%0A", { code: "\0\n" }],
    ["?code=ä😀", { code: "ä😀" }],
    ["?code='\"<>`{}|\\^[]", { code: "'\"<>`{}|\\^[]" }],
    ["?b=1&a=2&B=3", { b: "1", a: "2", B: "3" }],
  ])("%s reaches the backend with a good signature and its own meaning", async (query, parameters) => {
    const answer = await send(`${PATH}${query}`, { headers: bearer(table.secretKey) });
    expect(answer.status).toBe(200);
    const { url, signature } = answer.body.data as ReceivedCall;
    expect(signature).not.toBeNull();
    const told = new URL(url, ORIGIN).searchParams;
    for (const [name, value] of Object.entries(parameters)) expect(told.get(name)).toBe(value);
  });
});

describe("a forwarded path", () => {
  it.each(["%", "%zz", "%E0%A4%A", "%ff", "%ED%A0%80", "x".repeat(LIMITS.queryAddressLength)])(
    "/v1/events/%.20s names nothing",
    async (segment) => {
      expectAnswer(await send(`/v1/events/${segment}`, { headers: bearer(table.secretKey) }), {
        status: 404,
        code: "not_found",
      });
    },
  );

  it.each(["a%2Fb", "a%252Fb", "%252e%252e", "ä", "a b", "a+b", "!*'()", "a;b=c,d", "%00", "%5C"])(
    "/v1/events/%s is signed as it is sent",
    async (segment) => {
      const answer = await send(`/v1/events/${segment}`, { headers: bearer(table.secretKey) });
      expect(answer.status).toBe(200);
      expect((answer.body.data as ReceivedCall).signature).not.toBeNull();
    },
  );
});

describe("an answer of the platform in place of the backend", () => {
  const path = "/v1/query/sessions";
  const amazon = { "x-amzn-RequestId": "r", "x-amzn-Trace-Id": "t" };

  it.each([
    { name: "403 without a mark", answer: { status: 403, body: { Message: "Forbidden" } }, code: "unavailable" },
    { name: "400 of its own", answer: { status: 400, body: { message: "Bad Request" } }, code: "unavailable" },
    { name: "404 of its own", answer: { status: 404, body: { Message: null } }, code: "unavailable" },
    { name: "413 of its own", answer: { status: 413, body: { Message: "too long" } }, code: "unavailable" },
    { name: "a redirect", answer: { status: 302, body: {}, headers: { Location: "/x" } }, code: "unavailable" },
    { name: "429", answer: { status: 429, body: { Reason: "ConcurrentInvocationLimitExceeded" } }, code: "overloaded" },
    { name: "500", answer: { status: 500, body: "oops" }, code: "unavailable" },
    { name: "504", answer: { status: 504, body: { message: "Endpoint request timed out" } }, code: "unavailable" },
    {
      name: "our form under another status",
      answer: { status: 403, body: { success: false, code: "not_found" } },
      code: "unavailable",
    },
  ])("$name never reaches a client", async ({ answer, code }) => {
    await scriptAnswer({ path, ...answer, headers: { ...amazon, ...answer.headers } });
    const got = await send(path, { headers: bearer(table.secretKey) });
    expectAnswer(got, { status: 503, code: code as "unavailable" });
    expect([...got.headers.keys()].filter((name) => name.startsWith("x-amzn"))).toEqual([]);
    expect(JSON.stringify(got.body)).not.toMatch(/Forbidden|Bad Request|Concurrent|oops|timed out/);
    const head = await fetchEdge(path, { method: "HEAD", headers: bearer(table.secretKey) });
    expect(head.headers.get("Location")).toBeNull();
    expect([...head.headers.keys()].filter((name) => name.startsWith("x-amzn"))).toEqual([]);
  });

  it("nor do its headers beside an answer of ours", async () => {
    await scriptAnswer({ path, status: 200, body: { data: [] }, headers: { ...amazon, "Cache-Control": "no-store" } });
    const { status, headers } = await send(path, { headers: bearer(table.secretKey) });
    expect(status).toBe(200);
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(headers.get("x-amzn-RequestId")).toBeNull();
  });
});

describe("a path without a file", () => {
  const PATHS = [
    "/healthz/..///",
    "//",
    "///",
    "//healthz",
    "/healthz//",
    "/./healthz//",
    "/x/%2e%2e//",
    "/%2e%2e%2f",
    "/demo//",
    "//demo",
    "/\\",
    "/demo\\",
    "/%5cdemo",
    "/%2fdemo",
    "//evil.test/",
    "//evil.test/%2e%2e",
    "/.//evil.test",
    "/%09/evil.test",
    "/..;/",
    "/.git/config",
    "/demo%00",
    "/demo%20",
  ];

  it.each(PATHS)("%s is a 404, and no redirect", async (path) => {
    for (const method of ["GET", "HEAD"]) {
      const response = await fetchEdge(path, { method });
      expect(response.status, method).toBe(404);
      expect(response.headers.get("Location")).toBeNull();
      await response.body?.cancel();
    }
  });

  it.each(["/", "/index.html", "/?a=b"])("%s is the page, and no redirect", async (path) => {
    const response = await fetchEdge(path, {});
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toContain("text/html");
    await response.body?.cancel();
  });

  it("whatever the assets binding would redirect to", async () => {
    const redirects = { ...env, ASSETS: { fetch: async () => Response.redirect(`${ORIGIN}/elsewhere`, 307) } as never };
    expect(await page(new Request(`${ORIGIN}/file`), redirects, "r")).toMatchObject({ code: "not_found" });
  });
});
