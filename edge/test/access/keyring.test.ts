// Tests how an isolate looks up keys: in memory, then in KV, then in the control plane. A revoked key is refused within 5 s.
// docs/API_DOCUMENTATION.md#keys.

import { env } from "cloudflare:workers";
import { generateKey, hashKey, keyRecordName, TUNINGS } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Answer, bearer, goodEvent, send } from "../client.ts";
import { expectAnswer } from "../collect/table.ts";
import { keyRecord, newKey, newProject, putRecord } from "../keys.ts";
import { callCount, keyPath, scriptAnswer, scriptKey } from "../servers/backend/scripted.ts";
import { shardOf } from "../shard/stub.ts";

afterEach(() => vi.useRealTimers());

function sendWith(key: string): Promise<Answer> {
  return send("/v1/track", { headers: bearer(key), body: goodEvent() });
}

/** Advances the time until an isolate's cached keys are out of date. */
function passCache(): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + TUNINGS.keyCacheMs + 1 });
}

const INVALID = { status: 401, code: "invalid_api_key" } as const;

describe("a key in KV", () => {
  it("is accepted without a call to the control plane", async () => {
    const key = await newKey({ project: newProject("kv") });
    expect((await sendWith(key)).status).toBe(200);
    expect(await callCount(keyPath(key))).toBe(0);
  });

  it("is cached, so that KV is not read for every request", async () => {
    const key = await newKey({ project: newProject("memory") });
    expect((await sendWith(key)).status).toBe(200);
    await env.KEYS.delete(keyRecordName(hashKey(key)));
    expect((await sendWith(key)).status).toBe(200);
  });

  it("with an invalid record is refused", async () => {
    const key = generateKey("public", "live");
    await env.KEYS.put(keyRecordName(hashKey(key)), JSON.stringify({ id: "x", project: 5 }));
    expectAnswer(await sendWith(key), INVALID);
  });
});

describe("a key that KV does not know", () => {
  it("is read from the control plane, once", async () => {
    const key = generateKey("public", "live");
    await scriptKey(key, keyRecord({ project: newProject("through") }));
    expect((await sendWith(key)).status).toBe(200);
    expect((await sendWith(key)).status).toBe(200);
    expect(await callCount(keyPath(key))).toBe(1);
  });

  it("and that the control plane does not know is cached as unknown", async () => {
    const key = generateKey("public", "live");
    for (let i = 0; i < 5; i++) expectAnswer(await sendWith(key), INVALID);
    expect(await callCount(keyPath(key))).toBe(1);
    // A key created in the meantime is known when the isolate's cache entry is out of date.
    await putRecord(key, keyRecord({ project: newProject("made") }));
    expectAnswer(await sendWith(key), INVALID);
    passCache();
    expect((await sendWith(key)).status).toBe(200);
  });

  it("and that has a wrong format is not looked up at all", async () => {
    const key = `${generateKey("public", "live").slice(0, -1)}!`;
    expectAnswer(await sendWith(key), INVALID);
    expect(await callCount(keyPath(key))).toBe(0);
  });

  it.each([
    ["fails", { status: 500, body: {} }],
    ["is overloaded", { status: 503, body: {} }],
    ["breaks the connection", { status: 200, body: {}, cut: true }],
  ])("is a 503 that is not cached while the control plane %s", async (_name, answer) => {
    const key = generateKey("public", "live");
    await scriptAnswer({ path: keyPath(key), ...answer });
    const refused = await sendWith(key);
    expectAnswer(refused, { status: 503, code: "unavailable" });
    expect(refused.headers.get("Retry-After")).not.toBeNull();
    await scriptAnswer({ path: keyPath(key), status: 200, body: keyRecord({ project: newProject("back") }) });
    expect((await sendWith(key)).status).toBe(200);
  });

  it("is refused if the control plane returns an invalid record", async () => {
    const key = generateKey("public", "live");
    await scriptAnswer({ path: keyPath(key), status: 200, body: { data: {} } });
    expectAnswer(await sendWith(key), INVALID);
  });
});

describe("revocation", () => {
  it("applies to consent within 5 s, when the cached record expires", async () => {
    const project = newProject("revoked");
    const key = await newKey({ project });
    const consent = () =>
      send("/v1/consent", {
        headers: bearer(key),
        body: { anonymousId: "device-1", purposes: { analytics: "denied" }, method: "banner" },
      });
    expect((await consent()).status).toBe(200);
    await putRecord(key, keyRecord({ project, revokedAt: Date.now() - 1 }));
    passCache();
    expectAnswer(await consent(), INVALID);
    expect(TUNINGS.keyCacheMs).toBeLessThan(5_000);
  });

  it("applies to events as soon as a shard knows it, for any cached record, and then costs no call", async () => {
    const project = newProject("shard-knows");
    const record = keyRecord({ project });
    const key = generateKey(record.kind, record.environment);
    await putRecord(key, record);
    expect((await sendWith(key)).status).toBe(200);
    await shardOf(project).revokeKeys([record.id]);
    expectAnswer(await sendWith(key), INVALID);
    // From memory, without a call: the key is judged before the body, which is not an event.
    expectAnswer(await send("/v1/track", { headers: bearer(key), body: "{" }), INVALID);
  });

  it("in the future applies from its time, for any cached record", async () => {
    const key = await newKey({ project: newProject("overlap"), revokedAt: Date.now() + 1_000 });
    expect((await sendWith(key)).status).toBe(200);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1_001 });
    expectAnswer(await sendWith(key), INVALID);
  });
});

describe("a push of the control plane", () => {
  const internal = { Authorization: `Bearer ${env.INTERNAL_SECRET}` };

  it("applies immediately, and null removes the record", async () => {
    const key = generateKey("public", "live");
    const name = keyRecordName(hashKey(key));
    const push = (value: unknown) =>
      send("/internal/keys", { headers: internal, body: { records: [{ name, value }] } });
    expect((await push(keyRecord({ project: newProject("pushed") }))).status).toBe(200);
    expect((await sendWith(key)).status).toBe(200);
    expect((await push(null)).status).toBe(200);
    passCache();
    expectAnswer(await sendWith(key), INVALID);
  });

  it.each([
    { name: "no secret", headers: {} },
    { name: "a wrong secret", headers: { Authorization: `Bearer ${"x".repeat(env.INTERNAL_SECRET.length)}` } },
    { name: "a longer secret", headers: { Authorization: `Bearer ${env.INTERNAL_SECRET}x` } },
    { name: "another scheme", headers: { Authorization: `Basic ${env.INTERNAL_SECRET}` } },
  ])("with $name is not found", async ({ headers }) => {
    const answer = await send("/internal/keys", { headers, body: { records: [] } });
    expectAnswer(answer, { status: 404, code: "not_found" });
  });

  it("is not found with another method either", async () => {
    for (const method of ["GET", "DELETE"]) {
      expectAnswer(await send("/internal/keys", { method }), { status: 404, code: "not_found" });
    }
  });

  it.each([
    ["invalid JSON", "{"],
    ["no records", {}],
    ["another name in KV", { records: [{ name: "other", value: null }] }],
    ["an incomplete record", { records: [{ name: keyRecordName("0".repeat(64)), value: { id: "x" } }] }],
  ])("of %s is refused completely", async (_name, body) => {
    const answer = await send("/internal/keys", { headers: internal, body });
    expectAnswer(answer, { status: 400, code: "invalid_payload" });
  });
});
