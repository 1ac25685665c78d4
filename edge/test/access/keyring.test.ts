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
  it("is taken without asking the control plane", async () => {
    const key = await newKey({ project: newProject("kv") });
    expect((await sendWith(key)).status).toBe(200);
    expect(await callCount(keyPath(key))).toBe(0);
  });

  it("is remembered: KV is not asked for every request", async () => {
    const key = await newKey({ project: newProject("memory") });
    expect((await sendWith(key)).status).toBe(200);
    await env.KEYS.delete(keyRecordName(hashKey(key)));
    expect((await sendWith(key)).status).toBe(200);
  });

  it("whose record is nonsense is no key", async () => {
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

  it("nor the control plane: is remembered as unknown", async () => {
    const key = generateKey("public", "live");
    for (let i = 0; i < 5; i++) expectAnswer(await sendWith(key), INVALID);
    expect(await callCount(keyPath(key))).toBe(1);
    // A key created in the meantime is known when the isolate's cache entry is out of date.
    await putRecord(key, keyRecord({ project: newProject("made") }));
    expectAnswer(await sendWith(key), INVALID);
    passCache();
    expect((await sendWith(key)).status).toBe(200);
  });

  it("and whose form is wrong is not looked up anywhere", async () => {
    const key = `${generateKey("public", "live").slice(0, -1)}!`;
    expectAnswer(await sendWith(key), INVALID);
    expect(await callCount(keyPath(key))).toBe(0);
  });

  it.each([
    ["fails", { status: 500, body: {} }],
    ["is overloaded", { status: 503, body: {} }],
    ["breaks the connection", { status: 200, body: {}, cut: true }],
  ])("while the control plane %s: 503, and nothing is remembered", async (_name, answer) => {
    const key = generateKey("public", "live");
    await scriptAnswer({ path: keyPath(key), ...answer });
    const refused = await sendWith(key);
    expectAnswer(refused, { status: 503, code: "unavailable" });
    expect(refused.headers.get("Retry-After")).not.toBeNull();
    await scriptAnswer({ path: keyPath(key), status: 200, body: keyRecord({ project: newProject("back") }) });
    expect((await sendWith(key)).status).toBe(200);
  });

  it("and of which the control plane tells nonsense is no key", async () => {
    const key = generateKey("public", "live");
    await scriptAnswer({ path: keyPath(key), status: 200, body: { data: {} } });
    expectAnswer(await sendWith(key), INVALID);
  });
});

describe("revocation", () => {
  it("holds within 5 s for consent, at the latest when memory's belief ends", async () => {
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

  it("holds for events as soon as a shard knows, whatever memory believes, and then costs no call", async () => {
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

  it("in the future holds from its moment, whatever memory believes", async () => {
    const key = await newKey({ project: newProject("overlap"), revokedAt: Date.now() + 1_000 });
    expect((await sendWith(key)).status).toBe(200);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1_001 });
    expectAnswer(await sendWith(key), INVALID);
  });
});

describe("what the control plane pushes", () => {
  const internal = { Authorization: `Bearer ${env.INTERNAL_SECRET}` };

  it("is believed at once, and taken away by null", async () => {
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
    { name: "a wrong one", headers: { Authorization: `Bearer ${"x".repeat(env.INTERNAL_SECRET.length)}` } },
    { name: "a longer one", headers: { Authorization: `Bearer ${env.INTERNAL_SECRET}x` } },
    { name: "another scheme", headers: { Authorization: `Basic ${env.INTERNAL_SECRET}` } },
  ])("with $name is not there", async ({ headers }) => {
    const answer = await send("/internal/keys", { headers, body: { records: [] } });
    expectAnswer(answer, { status: 404, code: "not_found" });
  });

  it("is not there for another method either", async () => {
    for (const method of ["GET", "DELETE"]) {
      expectAnswer(await send("/internal/keys", { method }), { status: 404, code: "not_found" });
    }
  });

  it.each([
    ["no JSON", "{"],
    ["no records", {}],
    ["another name in KV", { records: [{ name: "other", value: null }] }],
    ["half a record", { records: [{ name: keyRecordName("0".repeat(64)), value: { id: "x" } }] }],
  ])("and is %s is refused whole", async (_name, body) => {
    const answer = await send("/internal/keys", { headers: internal, body });
    expectAnswer(answer, { status: 400, code: "invalid_payload" });
  });
});
