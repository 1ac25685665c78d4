// Tests the places for a key, and the answers for a key that is not valid. docs/API_DOCUMENTATION.md#keys.

import { generateKey } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { type Answer, bearer, goodEvent, send } from "../client.ts";
import { expectAnswer, useTable } from "../collect/table.ts";
import { newKey, newProject } from "../keys.ts";

const table = useTable("credentials");
const HOUR_MS = 3_600_000;

function basic(user: string): Record<string, string> {
  return { Authorization: `Basic ${btoa(user)}` };
}

function sendEvent(headers: Record<string, string>, body: Record<string, unknown> = {}): Promise<Answer> {
  return send("/v1/track", { headers, body: goodEvent(body) });
}

describe("a valid key", () => {
  const places: { name: string; with(key: string): [Record<string, string>, Record<string, unknown>?] }[] = [
    { name: "Bearer", with: (key) => [bearer(key)] },
    { name: "bearer, lower case", with: (key) => [{ Authorization: `bearer ${key}` }] },
    { name: "Bearer and white space", with: (key) => [{ Authorization: `Bearer   ${key} ` }] },
    { name: "Basic, key and colon", with: (key) => [basic(`${key}:`)] },
    { name: "Basic, key without colon", with: (key) => [basic(key)] },
    { name: "Basic, with a password", with: (key) => [basic(`${key}:ignored`)] },
    { name: "basic, lower case", with: (key) => [{ Authorization: `basic ${btoa(`${key}:`)}` }] },
    { name: "X-API-Key", with: (key) => [{ "X-API-Key": key }] },
    { name: "writeKey in the body", with: (key) => [{}, { writeKey: key }] },
    { name: "the same in two headers", with: (key) => [{ ...bearer(key), "X-API-Key": key }] },
    { name: "the same in header and body", with: (key) => [basic(`${key}:`), { writeKey: key }] },
    { name: "an empty Authorization beside it", with: (key) => [{ Authorization: "", "X-API-Key": key }] },
    { name: "an empty Bearer beside it", with: (key) => [{ Authorization: "Bearer ", "X-API-Key": key }] },
    { name: "an empty Basic beside writeKey", with: (key) => [basic(":"), { writeKey: key }] },
  ];
  it.concurrent.each(places)("$name", async (place) => {
    const [headers, body] = place.with(table.publicKey);
    const answer = await sendEvent(headers, body);
    expect(answer.status).toBe(200);
    expect(answer.body.accepted).toBe(1);
  });
});

describe("no key", () => {
  it.concurrent.each([
    { name: "nowhere", headers: {} },
    { name: "empty Authorization", headers: { Authorization: "" } },
    { name: "empty Bearer", headers: { Authorization: "Bearer" } },
    { name: "Basic with an empty user", headers: basic(":") },
    { name: "Basic with only a password", headers: basic(":secret") },
    { name: "empty X-API-Key", headers: { "X-API-Key": "  " } },
    { name: "writeKey empty", headers: {}, body: { writeKey: "" } },
    { name: "writeKey null", headers: {}, body: { writeKey: null } },
    { name: "writeKey within an event's properties", headers: {}, body: { properties: { writeKey: "pk" } } },
  ])("$name", async ({ headers, body }) => {
    expectAnswer(await sendEvent(headers, body), { status: 401, code: "missing_api_key" });
    await table.expectGoodEventTaken();
  });

  it("a key only in the query string, which is not read", async () => {
    const answer = await send(`/v1/track?writeKey=${table.publicKey}`, { body: goodEvent() });
    expectAnswer(answer, { status: 401, code: "missing_api_key" });
  });
});

describe("an invalid key", () => {
  const good = generateKey("public", "live");
  const lastChanged = `${good.slice(0, -1)}${good.endsWith("0") ? "1" : "0"}`;
  const rows: { name: string; key: () => string | Promise<string> }[] = [
    { name: "unknown", key: () => generateKey("public", "live") },
    { name: "unknown secret", key: () => generateKey("secret", "live") },
    { name: "wrong checksum", key: () => lastChanged },
    { name: "too short", key: () => good.slice(0, -1) },
    { name: "too long", key: () => `${good}0` },
    { name: "another prefix", key: () => `xx${good.slice(2)}` },
    { name: "capitals in the prefix", key: () => good.replace("pk_live", "PK_LIVE") },
    { name: "a character outside base62", key: () => `${good.slice(0, 12)}-${good.slice(13)}` },
    { name: "Segment's form", key: () => "D8frB7upBChqDN9PMWksNvZYDaKJIYo6" },
    { name: "a very long text", key: () => "k".repeat(10_000) },
    { name: "an object's method", key: () => "constructor" },
    { name: "revoked", key: () => table.newKey({ revokedAt: Date.now() - 1 }) },
    { name: "expired", key: () => table.newKey({ notAfter: Date.now() - 1 }) },
    { name: "not yet valid", key: () => table.newKey({ notBefore: Date.now() + HOUR_MS }) },
  ];
  it.concurrent.each(rows)("$name: is refused like any other invalid key", async ({ key }) => {
    const text = await key();
    for (const headers of [bearer(text), basic(`${text}:`), { "X-API-Key": text }]) {
      const answer = await sendEvent(headers);
      expectAnswer(answer, { status: 401, code: "invalid_api_key" });
      expect(answer.body.message).toBe("The API key is not valid.");
    }
    expectAnswer(await sendEvent({}, { writeKey: text }), { status: 401, code: "invalid_api_key" });
    await table.expectGoodEventTaken();
  });

  it.concurrent.each([
    { name: "another scheme", headers: { Authorization: "Digest username=x" } },
    { name: "a scheme alone", headers: { Authorization: "Token" } },
    { name: "a bare key without a scheme", headers: { Authorization: good } },
    { name: "Basic with invalid base64", headers: { Authorization: "Basic ===" } },
    { name: "Basic without a key in it", headers: basic("user:password") },
    { name: "Bearer with two words", headers: { Authorization: `Bearer ${good} ${good}` } },
  ])("$name", async ({ headers }) => {
    expectAnswer(await sendEvent(headers), { status: 401, code: "invalid_api_key" });
    await table.expectGoodEventTaken();
  });

  it.concurrent.each([[1], [true], [{}], [["pk"]]])("writeKey that is %j", async (writeKey) => {
    expectAnswer(await sendEvent({}, { writeKey }), { status: 401, code: "invalid_api_key" });
  });
});

describe("within its time", () => {
  it.concurrent.each([
    { name: "from now on", change: () => ({ notBefore: Date.now() - 1 }) },
    { name: "still for an hour", change: () => ({ notAfter: Date.now() + HOUR_MS }) },
    { name: "revoked in an hour: the overlap of a rotation", change: () => ({ revokedAt: Date.now() + HOUR_MS }) },
  ])("$name", async ({ change }) => {
    expect((await sendEvent(bearer(await table.newKey(change())))).status).toBe(200);
  });
});

describe("two different keys", () => {
  const other = () => newKey({ project: newProject("other") });
  const rows: { name: string; with(a: string, b: string): [Record<string, string>, Record<string, unknown>?] }[] = [
    { name: "Bearer and X-API-Key", with: (a, b) => [{ ...bearer(a), "X-API-Key": b }] },
    { name: "Basic and X-API-Key", with: (a, b) => [{ ...basic(`${a}:`), "X-API-Key": b }] },
    { name: "Bearer and writeKey", with: (a, b) => [bearer(a), { writeKey: b }] },
    { name: "X-API-Key and writeKey", with: (a, b) => [{ "X-API-Key": a }, { writeKey: b }] },
  ];
  it.concurrent.each(rows)("$name", async (row) => {
    const [headers, body] = row.with(table.publicKey, await other());
    expectAnswer(await sendEvent(headers, body), { status: 400, code: "conflicting_credentials" });
    await table.expectGoodEventTaken();
  });
});

describe("scope", () => {
  it("a key without the scope to write", async () => {
    const key = await table.newKey({ kind: "secret", scopes: ["read"] });
    expectAnswer(await sendEvent(bearer(key)), { status: 403, code: "insufficient_scope" });
    await table.expectGoodEventTaken();
  });

  it("a test key writes like a live key", async () => {
    expect((await sendEvent(bearer(await table.newKey({ environment: "test" })))).status).toBe(200);
  });

  it("a key's text is in no response", async () => {
    const event = goodEvent({ writeKey: table.secretKey });
    expect((await send("/v1/track", { body: event })).status).toBe(200);
    // When the table is done, it checks that no secret key is on the stream.
    table.expectStored(event.messageId, { event: "Tested" });
  });
});
