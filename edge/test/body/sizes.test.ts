// Tests bodies at and above their limits, with and without a declared length. A 413 is sent after enough of the body was read
// that the client can read the answer. docs/API_DOCUMENTATION.md#answers, #sending-events.

import { gzipSync } from "node:zlib";
import { LIMITS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { bearer, goodEvent, send } from "../client.ts";
import { expectAnswer, useTable } from "../collect/table.ts";

const table = useTable("sizes");

/** A valid batch of exactly this many bytes. */
function batchOf(bytes: number): string {
  const events: string[] = [];
  const filled = JSON.stringify(
    goodEvent({ messageId: "ID", properties: { a: new Array(3).fill("x".repeat(8_000)) } }),
  );
  const frame = '{"batch":[]}'.length;
  while (frame + (events.length + 1) * (filled.length + 40) < bytes) {
    events.push(filled.replace("ID", crypto.randomUUID()));
  }
  const text = `{"batch":[${events.join(",")}]}`;
  return text + " ".repeat(bytes - text.length);
}

/** Text that gzip hardly compresses. It only has letters, so that no part looks like a card number. */
function noise(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => String.fromCharCode(97 + (byte % 26))).join("");
}

/** A body without a Content-Length, sent in pieces. */
function streamed(data: Uint8Array, pieceBytes = 64 * 1_024): { body: ReadableStream<Uint8Array>; sent: () => number } {
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= data.byteLength) return controller.close();
      controller.enqueue(data.slice(at, at + pieceBytes));
      at += pieceBytes;
    },
  });
  return { body, sent: () => Math.min(at, data.byteLength) };
}

const encoder = new TextEncoder();
const tooLarge = { status: 413, code: "payload_too_large" } as const;

describe("plain", () => {
  it.each([
    { name: "4 MiB", bytes: LIMITS.bodyBytes, expected: { status: 200 } },
    { name: "one byte more", bytes: LIMITS.bodyBytes + 1, expected: tooLarge },
    { name: "6 MiB", bytes: 6 * 1_024 * 1_024, expected: tooLarge },
  ])("$name, with and without Content-Length", async ({ bytes, expected }) => {
    const headers = bearer(table.publicKey);
    const data = () => encoder.encode(batchOf(bytes));
    const declared = { ...headers, "Content-Length": String(bytes) };
    expectAnswer(await send("/v1/batch", { headers: declared, body: data() }), expected);
    expectAnswer(await send("/v1/batch", { headers, body: streamed(data()).body }), expected);
    await table.expectGoodEventTaken();
  });

  it("the rest of a body after a 413 is drained, up to 8 MiB", async () => {
    const stream = streamed(new Uint8Array(6 * 1_024 * 1_024).fill(0x20));
    expectAnswer(await send("/v1/batch", { headers: bearer(table.publicKey), body: stream.body }), tooLarge);
    expect(stream.sent()).toBe(6 * 1_024 * 1_024);
    await table.expectGoodEventTaken();
  });

  it("an endless body is not read to its end", async () => {
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pieces++;
        controller.enqueue(new Uint8Array(1_024 * 1_024).fill(0x20));
      },
    });
    expectAnswer(await send("/v1/batch", { headers: bearer(table.publicKey), body }), tooLarge);
    expect(pieces).toBeLessThan(24);
    await table.expectGoodEventTaken();
  });

  it("a body in single bytes", async () => {
    const data = encoder.encode(JSON.stringify(goodEvent()));
    const answer = await send("/v1/track", { headers: bearer(table.publicKey), body: streamed(data, 1).body });
    expect(answer.body.accepted).toBe(1);
  });

  it("a body that breaks off affects no other request", async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(encoder.encode('{"type":"track",'));
      },
      pull(controller) {
        controller.error(new Error("the client is gone"));
      },
    });
    await send("/v1/track", { headers: bearer(table.publicKey), body }).catch(() => null);
    await table.expectGoodEventTaken();
  });
});

describe("gzip", () => {
  const GZIP = { "Content-Encoding": "gzip" };

  it.each([
    { name: "4 MiB unpacked", bytes: LIMITS.bodyBytes, expected: { status: 200 } },
    { name: "one byte more unpacked", bytes: LIMITS.bodyBytes + 1, expected: tooLarge },
  ])("$name", async ({ bytes, expected }) => {
    const headers = { ...GZIP, ...bearer(table.publicKey) };
    const data = () => new Uint8Array(gzipSync(batchOf(bytes)));
    expectAnswer(await send("/v1/batch", { headers, body: data() }), expected);
    expectAnswer(await send("/v1/batch", { headers, body: streamed(data()).body }), expected);
    await table.expectGoodEventTaken();
  });

  it("more than 1 MiB compressed, with and without Content-Length", async () => {
    const events = Array.from({ length: 160 }, () => goodEvent({ properties: { a: [noise(8_000), noise(8_000)] } }));
    const data = new Uint8Array(gzipSync(JSON.stringify({ batch: events })));
    expect(data.byteLength).toBeGreaterThan(LIMITS.bodyCompressedBytes);
    const headers = { ...GZIP, ...bearer(table.publicKey) };
    const declared = { ...headers, "Content-Length": String(data.byteLength) };
    expectAnswer(await send("/v1/batch", { headers: declared, body: data }), tooLarge);
    expectAnswer(await send("/v1/batch", { headers, body: streamed(data).body }), tooLarge);
    await table.expectGoodEventTaken();
  });

  it("a body that packs to more than one record is stored whole", async () => {
    const events = Array.from({ length: 230 }, () => goodEvent({ properties: { a: [noise(8_000), noise(8_000)] } }));
    const answer = await send("/v1/batch", { headers: bearer(table.publicKey), body: { batch: events } });
    expect(answer.body.accepted).toBe(230);
    for (const { messageId, event } of events) table.expectStored(messageId, { event });
  });
});

describe("Content-Length", () => {
  it("0 is no body", async () => {
    const answer = await send("/v1/track", { method: "POST", headers: bearer(table.publicKey) });
    expectAnswer(answer, { status: 400, code: "empty_body" });
    await table.expectGoodEventTaken();
  });

  it("is judged after the key, before the body", async () => {
    const body = new Uint8Array(5 * 1_024 * 1_024);
    const answer = await send("/v1/batch", { headers: { Authorization: "Bearer pk_live_nonsense" }, body });
    expectAnswer(answer, { status: 401, code: "invalid_api_key" });
    await table.expectGoodEventTaken();
  });
});

describe("clients that stop sending", () => {
  it("with large declared bodies delay no other client", async () => {
    const ends: (() => void)[] = [];
    const stalled = Array.from({ length: 12 }, () => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(encoder.encode(" "));
          ends.push(() => controller.close());
        },
      });
      const headers = { ...bearer(table.publicKey), "Content-Length": String(LIMITS.bodyBytes) };
      return send("/v1/batch", { headers, body }).catch(() => null);
    });
    for (let i = 0; i < 5; i++) await table.expectGoodEventTaken();
    for (const end of ends) end();
    await Promise.all(stalled);
    await table.expectGoodEventTaken();
  });
});
