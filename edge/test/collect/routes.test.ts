// Tests paths, methods, CORS, and the order of a request's checks. docs/API_DOCUMENTATION.md#answers, #sending-events.

import { EVENT_TYPES } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { bearer, expectCors, fetchEdge, goodEvent, ORIGIN, send } from "../client.ts";
import { arrivedEvents, untilArrived } from "../servers/kinesis/stream.ts";
import { expectAnswer, useTable } from "./table.ts";

const table = useTable("routes");

const EVENT_PATHS = [...EVENT_TYPES, "t", "p", "s", "i", "g", "a"];
const BATCH_PATHS = ["batch", "import", "b"];

/** The accepted spellings of a path. */
function spellings(path: string): string[] {
  return [`/v1/${path}`, `/v1/${path}/`, `/${path}`, `/${path}/`];
}

describe("event paths", () => {
  it.concurrent.each(EVENT_PATHS.flatMap(spellings))("POST %s takes its type from the path", async (path) => {
    const event = { ...goodEvent({ name: "n", groupId: "g", previousId: "p", userId: "u" }), type: undefined };
    const answer = await send(path, { headers: bearer(table.publicKey), body: event });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      success: true,
      accepted: 1,
      duplicates: 0,
      suppressed: 0,
      rejected: [],
      warnings: [],
    });
    table.expectStored(event.messageId, { event: "Tested" });
  });

  it("the event's own type has precedence", async () => {
    const event = goodEvent({ type: "page", name: "Home" });
    expect((await send("/v1/track", { headers: bearer(table.publicKey), body: event })).status).toBe(200);
    table.expectStored(event.messageId, { type: "page" });
  });

  it("a body with an array `batch` is a single event", async () => {
    const event = goodEvent({ batch: [goodEvent()] });
    const answer = await send("/v1/track", { headers: bearer(table.publicKey), body: event });
    expect(answer.body.accepted).toBe(1);
    table.expectStored(event.messageId, { event: "Tested" });
  });

  it("a query string changes nothing", async () => {
    const answer = await send("/v1/track?x=1&_=%00", { headers: bearer(table.publicKey), body: goodEvent() });
    expect(answer.status).toBe(200);
  });
});

describe("batch paths", () => {
  it.concurrent.each(BATCH_PATHS.flatMap(spellings))("POST %s", async (path) => {
    const body = { batch: [goodEvent(), goodEvent()], sentAt: new Date().toISOString() };
    const answer = await send(path, { headers: bearer(table.publicKey), body });
    expect(answer.status).toBe(200);
    expect(answer.body.accepted).toBe(2);
  });

  it("a single event is not a batch", async () => {
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body: goodEvent() });
    expectAnswer(answer, { status: 400, code: "invalid_payload", pointer: "/batch" });
  });

  it("an item of a batch must name its type", async () => {
    const body = { batch: [{ ...goodEvent(), type: undefined }, goodEvent()] };
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body });
    expect(answer.body.rejected).toMatchObject([{ index: 0, code: "missing_field", pointer: "/type" }]);
  });
});

describe("the beacon", () => {
  it.concurrent.each(spellings("beacon"))("POST %s accepts an event or a batch, as text", async (path) => {
    const headers = { "Content-Type": "text/plain;charset=UTF-8" };
    const batch = { writeKey: table.publicKey, batch: [goodEvent(), goodEvent()] };
    expect((await send(path, { headers, body: batch })).body.accepted).toBe(2);
    expect((await send(path, { headers, body: goodEvent({ writeKey: table.publicKey }) })).body.accepted).toBe(1);
  });

  it("a single event must name its type", async () => {
    const event = { ...goodEvent({ writeKey: table.publicKey }), type: undefined };
    const answer = await send("/v1/beacon", { body: event });
    expect(answer.status).toBe(400);
    expect(answer.body.rejected).toMatchObject([{ code: "missing_field", pointer: "/type" }]);
  });
});

describe("client metrics", () => {
  it.concurrent.each(spellings("m"))("POST %s is ignored", async (path) => {
    for (const body of ['{"series":[]}', "nonsense", ""]) {
      const answer = await send(path, { body, method: "POST" });
      expect(answer.status).toBe(200);
    }
  });
});

describe("methods", () => {
  const POSTED = [...EVENT_PATHS, ...BATCH_PATHS, "beacon", "m"];
  it.concurrent.each(["GET", "PUT", "PATCH", "DELETE"])("%s of an ingestion path", async (method) => {
    for (const path of POSTED) {
      const answer = await send(`/v1/${path}`, { method });
      expectAnswer(answer, { status: 405, code: "method_not_allowed" });
      expect(answer.headers.get("Allow")).toBe("POST, OPTIONS");
    }
    await table.expectGoodEventTaken();
  });

  it.concurrent.each([
    ["POST", "/v1/pixel.gif", "GET, OPTIONS"],
    ["POST", "/v1/projects/x/settings", "GET, OPTIONS"],
    ["POST", "/healthz", "GET, OPTIONS"],
    ["PUT", "/v1/session", "POST, DELETE, OPTIONS"],
    ["DELETE", "/v1/events", "GET, OPTIONS"],
    ["GET", "/v1/query/funnel", "POST, OPTIONS"],
  ])("%s %s", async (method, path, allow) => {
    const answer = await send(path, { method, headers: bearer(table.publicKey) });
    expectAnswer(answer, { status: 405, code: "method_not_allowed" });
    expect(answer.headers.get("Allow")).toBe(allow);
  });
});

describe("unknown paths", () => {
  it.concurrent.each([
    "/v1/nothing",
    "/v2/track",
    "/v1/v1/track",
    "/v1/track/x",
    "/V1/TRACK",
    "/v1//track",
    "/v1/track%00",
    "/v1/trac%6B/x",
    "/constructor",
    "/v1/__proto__",
    "//evil.test/track",
    "/v1/projects/settings",
    "/v1/pixel.png",
  ])("POST %s", async (path) => {
    const answer = await send(path, { headers: bearer(table.publicKey), body: goodEvent() });
    expectAnswer(answer, { status: 404, code: "not_found" });
    await table.expectGoodEventTaken();
  });

  it.concurrent.each(["/nothing.js", "/v1", "/v1/", "/.env", "/.git/config"])("GET %s", async (path) => {
    expectAnswer(await send(path), { status: 404, code: "not_found" });
  });
});

describe("preflight", () => {
  const asked = "content-type, x-library-header, authorization";
  it.concurrent.each([
    ...spellings("track"),
    "/v1/batch",
    "/v1/pixel.gif",
    "/v1/projects/x/settings",
    "/v1/query/trend",
    "/v1/session",
    "/nothing",
  ])("OPTIONS %s", async (path) => {
    const response = await fetchEdge(path, {
      method: "OPTIONS",
      headers: {
        Origin: "https://anyone.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": asked,
      },
    });
    expect(response.status).toBe(204);
    expectCors(response.headers);
    expect(response.headers.get("Access-Control-Allow-Headers")).toBe(asked);
    expect(response.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    expect(Number(response.headers.get("Access-Control-Max-Age"))).toBeGreaterThanOrEqual(7_200);
    expect(await response.text()).toBe("");
  });
});

describe("order of the checks", () => {
  const big = () => new Uint8Array(5 * 1_024 * 1_024).fill(0x20);
  const XML_BR = { "Content-Type": "application/xml", "Content-Encoding": "br" };
  const bad = { Authorization: "Bearer nonsense" };

  it("starts with the path, then the method", async () => {
    expectAnswer(await send("/v1/nothing", { method: "PUT", headers: bad, body: big() }), {
      status: 404,
      code: "not_found",
    });
    const answer = await send("/v1/track", { method: "PUT", headers: { ...bad, ...XML_BR }, body: big() });
    expectAnswer(answer, { status: 405, code: "method_not_allowed" });
  });

  it("continues with the key in a header, its origin and its address", async () => {
    const headers = { ...XML_BR, ...bad };
    expectAnswer(await send("/v1/track", { headers, body: big() }), { status: 401, code: "invalid_api_key" });
    const key = await table.newKey({ origins: ["https://a.test"], cidrs: ["192.0.2.0/24"] });
    const from = (origin: string) => ({ ...XML_BR, ...bearer(key), Origin: origin });
    const foreign = await send("/v1/track", { headers: from("https://b.test"), body: big() });
    expectAnswer(foreign, { status: 403, code: "origin_not_allowed" });
    const elsewhere = await send("/v1/track", { headers: from("https://a.test"), body: big() });
    expectAnswer(elsewhere, { status: 403, code: "ip_not_allowed" });
  });

  it("continues with content type and encoding", async () => {
    const headers = { ...XML_BR, ...bearer(table.publicKey) };
    expectAnswer(await send("/v1/track", { headers, body: big() }), { status: 415, code: "unsupported_media_type" });
    const br = { "Content-Encoding": "br", ...bearer(table.publicKey) };
    expectAnswer(await send("/v1/track", { headers: br, body: big() }), { status: 415, code: "unsupported_encoding" });
  });

  it("continues with the size, also without a key", async () => {
    expectAnswer(await send("/v1/track", { body: big() }), { status: 413, code: "payload_too_large" });
  });

  it("ends with the body, the key in the body, and the events", async () => {
    expectAnswer(await send("/v1/track", { body: "{" }), { status: 400, code: "invalid_json" });
    expectAnswer(await send("/v1/batch", { body: { batch: {} } }), {
      status: 400,
      code: "invalid_payload",
      pointer: "/batch",
    });
    expectAnswer(await send("/v1/batch", { body: { batch: [{}] } }), { status: 401, code: "missing_api_key" });
    const body = { batch: [{}], writeKey: table.publicKey };
    expectAnswer(await send("/v1/batch", { body }), { status: 400, code: "all_events_rejected" });
    await table.expectGoodEventTaken();
  });
});

describe("the service", () => {
  it("answers /healthz and /.well-known/gpc.json, also to HEAD and with a trailing slash", async () => {
    expect((await send("/healthz")).status).toBe(200);
    expect((await send("/healthz/")).status).toBe(200);
    expect((await fetchEdge("/healthz", { method: "HEAD" })).status).toBe(200);
    const gpc = await fetchEdge("/.well-known/gpc.json", {});
    expect(await gpc.json()).toMatchObject({ gpc: true });
    expectCors(gpc.headers);
  });

  it("sends the page at / with headers that forbid foreign code", async () => {
    const response = await fetchEdge("/", {});
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Security-Policy")).toContain("default-src 'self'");
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expectCors(response.headers);
    expect(await response.text()).toContain("<title>");
  });

  it("stores an event whose request has an address, a user agent and a referrer", async () => {
    const event = goodEvent();
    const headers = {
      ...bearer(table.publicKey),
      "CF-Connecting-IP": "192.0.2.77",
      "User-Agent": "Test/1",
      Referer: `${ORIGIN}/p`,
    };
    expect((await send("/v1/track", { headers, body: event })).status).toBe(200);
    await untilArrived(table.project, [event.messageId]);
    expect([...(await arrivedEvents(table.project)).keys()]).toContain(event.messageId);
  });
});
