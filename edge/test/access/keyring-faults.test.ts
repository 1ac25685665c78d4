// Tests the cost of key look-ups and an outage of KV, with a KV that fails, hangs and changes as the test says, and counts its
// reads. The control plane is the scripted server behind a socket.

import { env } from "cloudflare:workers";
import { generateKey, hashKey, type KeyRecord, keyRecordName, LIMITS, TUNINGS } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { findKey, findKeyByHash, learnKey, noteRevoked } from "../../src/access/keyring.ts";
import { Refusal } from "../../src/answer/refusal.ts";
import type { Env } from "../../src/env.ts";
import { keyRecord, newProject } from "../keys.ts";
import { callCount, keyPath, scriptKey } from "../servers/backend/scripted.ts";

/** KV with the interface that the keyring uses. */
class FakeKv {
  reads = 0;
  delayMs = 0;
  mode: "answers" | "fails" | "hangs" = "answers";
  readonly records = new Map<string, KeyRecord>();

  /** Keys are looked up here, and in the scripted control plane. */
  readonly env = { ...env, KEYS: this } as unknown as Env;

  async get(name: string): Promise<KeyRecord | null> {
    this.reads++;
    if (this.delayMs > 0) await scheduler.wait(this.delayMs);
    if (this.mode === "fails") throw new Error("KV GET failed: 500 Internal Server Error");
    if (this.mode === "hangs") await scheduler.wait(60_000);
    return this.records.get(name) ?? null;
  }

  newKey(change: Partial<KeyRecord> = {}): string {
    const key = generateKey("secret", "live");
    this.put(key, keyRecord({ project: newProject("kv"), kind: "secret", ...change }));
    return key;
  }

  put(key: string, record: KeyRecord): void {
    this.records.set(keyRecordName(hashKey(key)), record);
  }
}

function codeOf(found: Awaited<ReturnType<typeof findKey>>): string {
  return found instanceof Refusal ? found.code : "in force";
}

/** The time that is passed to the keyring. It never goes back between tests. */
let nowMs = Date.now();
const pass = (ms: number) => {
  nowMs += ms;
  vi.useFakeTimers({ toFake: ["Date"], now: nowMs });
};
/** Waits until background reads are done. */
const settled = () => scheduler.wait(20);

afterEach(() => {
  pass(60_000);
  vi.useRealTimers();
});

describe("while KV fails", () => {
  it.each(["fails", "hangs"] as const)("(it %s) events use cached keys for an hour, and no longer", async (mode) => {
    const kv = new FakeKv();
    delete kv.env.QUERY_ENDPOINT;
    const key = kv.newKey();
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("in force");
    kv.mode = mode;
    pass(TUNINGS.keyTrustedMs + 1);
    for (const scope of ["write", "consent"] as const)
      expect(codeOf(await findKey(key, kv.env, nowMs, scope))).toBe("in force");
    pass(TUNINGS.keyStaleMs - TUNINGS.keyTrustedMs - 1_000);
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("in force");
    pass(1_000);
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("unavailable");
  });

  it("an old record does not allow reading, administration or erasure", async () => {
    const kv = new FakeKv();
    delete kv.env.QUERY_ENDPOINT;
    const key = kv.newKey();
    expect(codeOf(await findKey(key, kv.env, nowMs, "read"))).toBe("in force");
    kv.mode = "fails";
    pass(5_000);
    for (const scope of ["read", "admin", "privacy"] as const) {
      expect(codeOf(await findKey(key, kv.env, nowMs, scope))).toBe("unavailable");
    }
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("in force");
  });

  it("an unknown key is requested from the control plane", async () => {
    const kv = new FakeKv();
    kv.mode = "fails";
    const key = generateKey("public", "live");
    await scriptKey(key, keyRecord({ project: newProject("cold") }));
    pass(10_000);
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("in force");
  });

  it("the fault is logged once a minute", async () => {
    const kv = new FakeKv();
    delete kv.env.QUERY_ENDPOINT;
    const keys = Array.from({ length: 20 }, () => kv.newKey());
    for (const key of keys) await findKey(key, kv.env, nowMs, "write");
    kv.mode = "fails";
    pass(TUNINGS.keyTrustedMs + 1);
    const lines = vi.spyOn(console, "error");
    for (const key of keys) expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("in force");
    expect(lines.mock.calls.filter(([line]) => String(line).includes("KV does not answer"))).toHaveLength(1);
    lines.mockRestore();
  });

  it("at most one request a second tries again", async () => {
    const kv = new FakeKv();
    delete kv.env.QUERY_ENDPOINT;
    const key = kv.newKey();
    await findKey(key, kv.env, nowMs, "write");
    kv.mode = "fails";
    pass(TUNINGS.keyTrustedMs + 1);
    await findKey(key, kv.env, nowMs, "write");
    kv.reads = 0;
    for (let request = 0; request < 100; request++) {
      pass(50);
      await findKey(key, kv.env, nowMs, "write");
      if (request % 10 === 0) await settled();
    }
    expect(kv.reads).toBeLessThanOrEqual(6);
    expect(kv.reads).toBeGreaterThan(0);
    kv.mode = "answers";
    pass(1_000);
    await findKey(key, kv.env, nowMs, "write");
    await settled();
    pass(TUNINGS.keyCacheMs - 1);
    expect(codeOf(await findKey(key, kv.env, nowMs, "read"))).toBe("in force");
  });
});

describe("reads of KV", () => {
  it("of a key in use happen once in 30 s, in the background, for any number of requests", async () => {
    const kv = new FakeKv();
    const key = kv.newKey();
    await findKey(key, kv.env, nowMs, "write");
    kv.reads = 0;
    for (let second = 0; second < 300; second++) {
      pass(1_000);
      const found = await Promise.all(Array.from({ length: 5 }, () => findKey(key, kv.env, nowMs, "write")));
      expect(new Set(found.map(codeOf))).toEqual(new Set(["in force"]));
      await scheduler.wait(2);
    }
    expect(kv.reads).toBeLessThanOrEqual(10);
    expect(kv.reads).toBeGreaterThanOrEqual(8);
  });

  it.each([
    ["cold", 0, "write"],
    ["too old for events", TUNINGS.keyTrustedMs + 1, "write"],
    ["too old for reading", 5_000, "read"],
  ] as const)("of a key that is %s: one for a hundred requests at once", async (_name, ageMs, scope) => {
    const kv = new FakeKv();
    const key = kv.newKey();
    if (ageMs > 0) await findKey(key, kv.env, nowMs, scope);
    pass(ageMs);
    kv.reads = 0;
    kv.delayMs = 5;
    const found = await Promise.all(Array.from({ length: 100 }, () => findKey(key, kv.env, nowMs, scope)));
    expect(new Set(found.map(codeOf))).toEqual(new Set(["in force"]));
    expect(kv.reads).toBe(1);
  });
});

describe("invented keys", () => {
  it("cost one read of KV each, and a few calls to the control plane", async () => {
    const kv = new FakeKv();
    pass(60_000);
    const keys = Array.from({ length: 300 }, () => generateKey("public", "live"));
    for (const key of keys) expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("invalid_api_key");
    for (const key of keys) expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("invalid_api_key");
    expect(kv.reads).toBe(keys.length);
    const asked = await Promise.all(keys.map((key) => callCount(keyPath(key))));
    expect(asked.reduce((sum, calls) => sum + calls, 0)).toBe(LIMITS.keyReadThroughsBurst);
  });

  it("evict no real key from memory", async () => {
    const kv = new FakeKv();
    const key = kv.newKey();
    await findKey(key, kv.env, nowMs, "write");
    for (let made = 0; made < LIMITS.unknownKeyCacheEntries + 100; made += 100) {
      const hashes = Array.from({ length: 100 }, (_, index) => (made + index).toString(16).padStart(64, "0"));
      await Promise.all(hashes.map((hash) => findKeyByHash(hash, kv.env, nowMs, "write")));
    }
    kv.reads = 0;
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("in force");
    expect(kv.reads).toBe(0);
  });

  it("are looked up less and less often", async () => {
    const kv = new FakeKv();
    const key = generateKey("public", "live");
    for (let second = 0; second < 300; second++) {
      pass(1_000);
      await findKey(key, kv.env, nowMs, "write");
    }
    // The look-ups are after 3, 6, 12, 24, 48 s and then every 60 s.
    expect(kv.reads).toBeLessThanOrEqual(10);
    kv.put(key, keyRecord({ project: newProject("made") }));
    pass(TUNINGS.unknownKeyMaxMs);
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("in force");
  });

  it("of a wrong format cost nothing", async () => {
    const kv = new FakeKv();
    for (const key of ["", "pk_live_", `${generateKey("public", "live")}x`, "x".repeat(100_000)]) {
      expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("invalid_api_key");
    }
    expect(kv.reads).toBe(0);
  });
});

describe("a revocation", () => {
  it("that a shard reported is not undone by an older record in KV", async () => {
    const kv = new FakeKv();
    const key = kv.newKey();
    const found = await findKey(key, kv.env, nowMs, "write");
    if (found instanceof Refusal) return expect.unreachable();
    noteRevoked(found, nowMs);
    for (const ms of [0, TUNINGS.keyRefreshMs, TUNINGS.keyTrustedMs, TUNINGS.keyStaleMs]) {
      pass(ms);
      expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("invalid_api_key");
      await settled();
    }
  });

  it("that was pushed is not undone by a read that started before it", async () => {
    const kv = new FakeKv();
    const key = kv.newKey();
    await findKey(key, kv.env, nowMs, "write");
    pass(TUNINGS.keyRefreshMs);
    kv.delayMs = 5;
    await findKey(key, kv.env, nowMs, "write");
    const record = kv.records.get(keyRecordName(hashKey(key))) as KeyRecord;
    learnKey(hashKey(key), { ...record, revokedAt: nowMs }, nowMs);
    await settled();
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("invalid_api_key");
  });

  it("by removal of the record applies immediately", async () => {
    const kv = new FakeKv();
    const key = kv.newKey();
    await findKey(key, kv.env, nowMs, "write");
    learnKey(hashKey(key), null, nowMs);
    expect(codeOf(await findKey(key, kv.env, nowMs, "write"))).toBe("invalid_api_key");
  });

  it("applies within 5 s to every use that no shard checks", async () => {
    const kv = new FakeKv();
    const key = kv.newKey();
    for (const scope of ["write", "consent", "read", "admin", "privacy"] as const) {
      expect(codeOf(await findKey(key, kv.env, nowMs, scope))).toBe("in force");
    }
    const record = kv.records.get(keyRecordName(hashKey(key))) as KeyRecord;
    kv.put(key, { ...record, revokedAt: nowMs });
    pass(4_999);
    for (const scope of ["consent", "read", "admin", "privacy"] as const) {
      expect(codeOf(await findKey(key, kv.env, nowMs, scope))).toBe("invalid_api_key");
    }
  });
});
