// Tests the pixel, which always answers the same picture, for any outcome of the event. docs/API_DOCUMENTATION.md#sending-events.

import { Buffer } from "node:buffer";
import { generateKey } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { expectCors, fetchEdge, goodEvent } from "../client.ts";
import { useTable } from "./table.ts";

const table = useTable("pixel");

function base64url(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

async function expectPicture(path: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetchEdge(path, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("image/gif");
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  expectCors(response.headers);
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(bytes.subarray(0, 6).toString("latin1")).toBe("GIF89a");
  expect([bytes.readUInt16LE(6), bytes.readUInt16LE(8)]).toEqual([1, 1]);
}

const withKey = (change: Record<string, unknown> = {}) => goodEvent({ writeKey: table.publicKey, ...change });

describe("an event that is stored", () => {
  it.concurrent.each(["/v1/pixel.gif", "/v1/pixel.gif/", "/pixel.gif", "/pixel.gif/"])("GET %s", async (path) => {
    const event = withKey();
    await expectPicture(`${path}?data=${base64url(event)}`);
    table.expectStored(event.messageId, { event: "Tested" });
  });

  it("in standard base64, padded, not escaped, beside other parameters", async () => {
    const event = withKey({ properties: { text: "ÿþ>>>???~~~" } });
    const data = Buffer.from(JSON.stringify(event)).toString("base64");
    await expectPicture(`/v1/pixel.gif?cachebuster=1&data=${data}`);
    table.expectStored(event.messageId, { properties: { text: "ÿþ>>>???~~~" } });
  });

  it("in escaped base64", async () => {
    const event = withKey();
    const data = encodeURIComponent(Buffer.from(JSON.stringify(event)).toString("base64"));
    await expectPicture(`/v1/pixel.gif?data=${data}`);
    table.expectStored(event.messageId, { event: "Tested" });
  });

  it("of 8 KiB", async () => {
    const event = withKey();
    const text = JSON.stringify(event);
    await expectPicture(`/v1/pixel.gif?data=${base64url(text.padEnd(8_192))}`);
    table.expectStored(event.messageId, { event: "Tested" });
  });

  it("that needs a repair", async () => {
    const event = withKey({ properties: { text: "a\u0000b" } });
    await expectPicture(`/v1/pixel.gif?data=${base64url(event)}`);
    table.expectStored(event.messageId, { properties: { text: "ab" } });
  });

  it("from an allowed origin, by Referer", async () => {
    const writeKey = await table.newKey({ origins: ["https://shop.example.com"] });
    const [allowed, foreign] = [goodEvent({ writeKey }), goodEvent({ writeKey })];
    await expectPicture(`/v1/pixel.gif?data=${base64url(allowed)}`, { Referer: "https://shop.example.com/mail" });
    await expectPicture(`/v1/pixel.gif?data=${base64url(foreign)}`, { Referer: "https://evil.test/" });
    table.expectStored(allowed.messageId, { event: "Tested" });
    table.expectNotStored(foreign.messageId);
  });
});

describe("a request without a stored event", () => {
  const rows: { name: string; query: () => [string, string?] }[] = [
    { name: "no query", query: () => [""] },
    { name: "no data", query: () => ["?x=1"] },
    { name: "empty data", query: () => ["?data="] },
    { name: "invalid base64", query: () => ["?data=%00%ff!!"] },
    { name: "invalid UTF-8", query: () => [`?data=${Buffer.from([0xff, 0xfe]).toString("base64url")}`] },
    { name: "invalid JSON", query: () => [`?data=${base64url("{")}`] },
    { name: "an array", query: () => [`?data=${base64url([withKey()])}`] },
    { name: "no key", query: () => data(goodEvent()) },
    { name: "an unknown key", query: () => data(goodEvent({ writeKey: generateKey("public", "live") })) },
    { name: "a key that is a number", query: () => data(goodEvent({ writeKey: 1 })) },
    { name: "a secret key", query: () => data(goodEvent({ writeKey: table.secretKey })) },
    { name: "a key in the query string", query: () => [`${data(goodEvent())[0]}&writeKey=${table.publicKey}`] },
    { name: "no type", query: () => data(withKey({ type: undefined })) },
    { name: "no identity", query: () => data(withKey({ anonymousId: undefined })) },
    { name: "too large", query: () => data(withKey({ properties: { a: "x".repeat(8_100) } })) },
    { name: "much too large", query: () => data(withKey({ properties: { a: "x".repeat(100_000) } })) },
  ];
  function data(event: { messageId: string }): [string, string] {
    return [`?data=${base64url(event)}`, event.messageId];
  }
  it.concurrent.each(rows)("$name", async ({ query }) => {
    const [text, messageId] = query();
    await expectPicture(`/v1/pixel.gif${text}`);
    if (messageId !== undefined) table.expectNotStored(messageId);
    await table.expectGoodEventTaken();
  });
});
