// Tests the format of API keys: which texts are keys, and that a key with a wrong character is not.
// docs/API_DOCUMENTATION.md#keys.

import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generateKey, hashKey, KeyRecord, keyRecordName, PUBLIC_SCOPES, parseKey, SCOPES } from "../src/index.ts";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** CRC-32 and base62 from their definitions, not from the code under test. */
function checksum(text: string): string {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  let value = BigInt((crc ^ 0xffffffff) >>> 0);
  let digits = "";
  for (let i = 0; i < 6; i++) {
    digits = BASE62.charAt(Number(value % 62n)) + digits;
    value /= 62n;
  }
  return digits;
}

const kind = fc.constantFrom("public", "secret");
const environment = fc.constantFrom("live", "test");
const random = fc.string({ unit: fc.constantFrom(...BASE62), minLength: 30, maxLength: 30 });

describe("keys", () => {
  it("that are generated are read as what they are", () => {
    fc.assert(
      fc.property(kind, environment, (aKind, anEnvironment) => {
        const key = generateKey(aKind, anEnvironment);
        expect(key).toMatch(/^[ps]k_(live|test)_[0-9A-Za-z]{36}$/);
        expect(parseKey(key)).toEqual({ kind: aKind, environment: anEnvironment });
        expect(key.slice(-6)).toBe(checksum(key.slice(0, -6)));
      }),
    );
  });

  it("made by anyone who follows the definition are read", () => {
    fc.assert(
      fc.property(fc.constantFrom("pk_live_", "pk_test_", "sk_live_", "sk_test_"), random, (prefix, text) => {
        expect(parseKey(prefix + text + checksum(prefix + text))).not.toBeNull();
      }),
    );
  });

  it("with a small checksum are padded on the left", () => {
    const texts = Array.from({ length: 1_000 }, (_, i) => `pk_live_${String(i).padStart(30, "0")}`);
    const text = texts.find((candidate) => checksum(candidate).startsWith("0")) as string;
    expect(parseKey(text + checksum(text))).not.toBeNull();
    expect(parseKey(text + checksum(text).replace(/^0+/, ""))).toBeNull();
  });

  it("with one character changed are none", () => {
    fc.assert(
      fc.property(kind, fc.nat(43), fc.constantFrom(...BASE62, "-", " ", "ä"), (aKind, at, character) => {
        const key = generateKey(aKind, "live");
        const changed = key.slice(0, at) + character + key.slice(at + 1);
        if (changed !== key) expect(parseKey(changed)).toBeNull();
      }),
    );
  });

  it("with two characters exchanged, one missing or one too many are none", () => {
    fc.assert(
      fc.property(fc.nat(34), (at) => {
        const key = generateKey("secret", "test");
        const i = at + 8;
        const exchanged = key.slice(0, i) + key.charAt(i + 1) + key.charAt(i) + key.slice(i + 2);
        if (exchanged !== key) expect(parseKey(exchanged)).toBeNull();
        expect(parseKey(key.slice(0, i) + key.slice(i + 1))).toBeNull();
        expect(parseKey(`${key.slice(0, i)}0${key.slice(i)}`)).toBeNull();
      }),
    );
  });

  it.each(["", "pk_live_", "constructor", `pk_live_${"0".repeat(36)}\n`, `\npk_live_${"0".repeat(36)}`, "pk_prod_x"])(
    "%j is none",
    (text) => expect(parseKey(text)).toBeNull(),
  );

  it("whatever text comes, nothing throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseKey(text)));
  });

  it("are never the same twice", () => {
    const keys = new Set(Array.from({ length: 1_000 }, () => generateKey("public", "live")));
    expect(keys.size).toBe(1_000);
  });

  it("are stored as SHA-256 alone", () => {
    const key = generateKey("secret", "live");
    const sha256 = createHash("sha256").update(key).digest("hex");
    expect(hashKey(key)).toBe(sha256);
    expect(keyRecordName(hashKey(key))).toBe(`key:${sha256}`);
  });
});

describe("scopes", () => {
  it("of a public key are a part of all", () => {
    for (const scope of PUBLIC_SCOPES) expect(SCOPES).toContain(scope);
    expect(PUBLIC_SCOPES).not.toContain("read");
    expect(PUBLIC_SCOPES).not.toContain("admin");
  });
});

describe("a key's record", () => {
  const record = {
    id: "k",
    project: "p",
    kind: "public",
    environment: "live",
    scopes: ["write"],
    origins: [],
    cidrs: [],
    rateLimit: 1,
    notBefore: null,
    notAfter: null,
    revokedAt: null,
    shards: 1,
  };
  it("without settings has those of an empty project", () => {
    expect(KeyRecord.parse(record)).toMatchObject({ settings: {} });
  });
  it.each(Object.keys(record))("without %s is none", (field) => {
    expect(KeyRecord.safeParse({ ...record, [field]: undefined }).success).toBe(false);
  });
  it("with an unknown scope is none", () => {
    expect(KeyRecord.safeParse({ ...record, scopes: ["root"] }).success).toBe(false);
  });
});
