// Tests the bounded cost of a consent call: bodies are small and uncompressed, and parameters and histories are limited.
// docs/API_DOCUMENTATION.md#consent.

import { gzipSync } from "node:zlib";
import { LIMITS } from "@behaviour/contract";
import { describe, expect, it } from "vitest";
import { bearer, fetchEdge, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";

const DENIED = { analytics: "denied" };
const SAID = { anonymousId: "d", purposes: DENIED, method: "banner" };

function padded(bytes: number): string {
  const text = JSON.stringify({ ...SAID, pad: "" });
  return text.replace('"pad":""', `"pad":"${"x".repeat(bytes - text.length)}"`);
}

describe("the body of a consent call", () => {
  it("of 16 KiB is accepted, and one byte more is refused, declared or not", async () => {
    const headers = bearer(await newKey({ project: newProject("size") }));
    expect((await send("/v1/consent", { body: padded(LIMITS.consentBodyBytes), headers })).status).toBe(200);
    const tooLarge = { status: 413, body: { code: "payload_too_large" } };
    expect(await send("/v1/consent", { body: padded(LIMITS.consentBodyBytes + 1), headers })).toMatchObject(tooLarge);
    const chunks = new Response(padded(LIMITS.consentBodyBytes + 1)).body as ReadableStream;
    expect(await send("/v1/consent", { body: chunks, headers })).toMatchObject(tooLarge);
  });

  it("that is too large is refused before it ends", async () => {
    const headers = bearer(await newKey({ project: newProject("endless") }));
    let pulled = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled++;
        controller.enqueue(new Uint8Array(1_024).fill(0x5b));
      },
    });
    const answer = await send("/v1/consent", { body: endless, headers });
    expect(answer).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
    // The rest of the body is discarded, up to a limit.
    expect(pulled).toBeLessThan(LIMITS.bodyDrainBytes / 1_024 + 200);
  });

  it("is not unpacked: gzip is refused, without a key as well", async () => {
    const bomb = gzipSync("[".repeat(2_000_000));
    for (const headers of [{}, bearer(await newKey({ project: newProject("packed") }))]) {
      for (const body of [bomb, gzipSync(JSON.stringify(SAID))]) {
        const answer = await send("/v1/consent", { body, headers: { ...headers, "Content-Encoding": "gzip" } });
        expect(answer).toMatchObject({ status: 415, body: { code: "unsupported_encoding" } });
      }
    }
  });

  it.each([
    ["brackets", "[".repeat(16_000), "invalid_json"],
    ["closed brackets", "[".repeat(8_000) + "]".repeat(8_000), "invalid_payload"],
    ["deep members", `${'{"a":'.repeat(2_700)}1${"}".repeat(2_700)}`, "missing_api_key"],
    ["nothing", "", "empty_body"],
    ["blanks", "  ", "empty_body"],
    ["no UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), "invalid_encoding"],
    ["a list", "[]", "invalid_payload"],
  ])("of %s is a refusal, never a fault", async (_name, body, code) => {
    expect((await send("/v1/consent", { method: "POST", body, headers: {} })).body.code).toBe(code);
  });

  it.each(['{"deep":', '{"userId":[', '{"purposes":{"analytics":'])("a key's own deep body: %s", async (open) => {
    const key = await newKey({ project: newProject("deep") });
    const closed = open.includes("[") ? "]}" : "}".repeat(open.split("{").length - 1);
    const times = Math.floor(16_000 / (open.length + closed.length));
    const body = `{"userId":12345678901234567891,"method":"m","x":${open.repeat(times)}1${closed.repeat(times)}}`;
    const answer = await send("/v1/consent", { body, headers: bearer(key) });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_parameter", pointer: "/purposes" } });
  });
});

describe("a consent query", () => {
  it.each([
    ["an id that is too long", `userId=${"x".repeat(LIMITS.idLength + 1)}`],
    ["a blank", "userId=%20"],
    ["control characters", "userId=a%00b"],
  ])("%s is refused", async (_name, query) => {
    const headers = bearer(await newKey({ project: newProject("asked"), kind: "secret" }));
    expect(await send(`/v1/consent?${query}`, { headers })).toMatchObject({
      status: 400,
      body: { code: "invalid_parameter", pointer: "/userId" },
    });
  });

  it("returns the newest hundred records of one id, for any number of records", async () => {
    const project = newProject("history");
    const secret = await newKey({ project, kind: "secret" });
    const writes = LIMITS.consentHistoryRecords + 30;
    for (let i = 0; i < writes; i++) {
      const purposes = { analytics: i % 2 === 0 ? "granted" : "denied" };
      const body = { userId: "u", purposes, method: `write ${i}`, noticeVersion: "x".repeat(200) };
      expect((await send("/v1/consent", { body, headers: bearer(secret) })).status).toBe(200);
    }
    const response = await fetchEdge("/v1/consent?userId=u", { headers: bearer(secret) });
    const text = await response.text();
    const { data } = JSON.parse(text) as { data: { history: { method: string }[] } };
    expect(data.history.length).toBe(LIMITS.consentHistoryRecords);
    expect(data.history.at(-1)?.method).toBe(`write ${writes - 1}`);
    expect(text.length).toBeLessThan(64 * 1_024);
  });

  it("returns a repeated record once", async () => {
    const project = newProject("twice");
    const key = await newKey({ project });
    const secret = await newKey({ project, kind: "secret" });
    const event = {
      type: "track",
      event: "Segment Consent Preference Updated",
      anonymousId: "d",
      messageId: "same",
      context: { consent: { categoryPreferences: { Analytics: false } } },
    };
    for (let i = 0; i < 3; i++) await send("/v1/track", { body: event, headers: bearer(key) });
    const { body } = await send("/v1/consent?anonymousId=d", { headers: bearer(secret) });
    expect((body.data as { history: unknown[] }).history.length).toBe(1);
  });
});
