// Mutated requests. Each began as a good request and is changed at a few random places in its values, its text, its bytes or its
// headers.

import { gzipSync } from "node:zlib";
import type { Random } from "./random.ts";

export interface FuzzedRequest {
  path: string;
  method: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

const PATHS =
  "/v1/track /v1/page /v1/identify /v1/group /v1/alias /v1/screen /v1/batch /v1/import /v1/beacon /t /b".split(" ");
const TYPES = ["track", "page", "screen", "identify", "group", "alias"];
const LONE = "\ud800";

/** Values that may replace any value in a body. */
const ODD_VALUES: readonly ((random: Random) => unknown)[] = [
  () => null,
  () => "",
  () => 0,
  () => -0,
  () => 1e308,
  () => 9_007_199_254_740_993,
  () => true,
  () => [],
  () => ({}),
  () => LONE,
  () => "\u0000\u0001",
  () => "\ufeff",
  () => "😀".repeat(5_000),
  (random) => "x".repeat(random.below(20_000)),
  (random) => Array.from({ length: random.below(400) }, () => 1),
  (random) => Object.fromEntries(Array.from({ length: random.below(400) }, (_, index) => [`k${index}`, index])),
  (random) => nested(random.below(40)),
  () => "ada@example.com",
  () => "2026-13-45T99:99:99Z",
  () => "1990-01-01",
  () => Number.NaN,
  () => ({ __proto__: 1, constructor: 2 }),
  () => ({ consent: { tcf: "x".repeat(5_000), gpp: "DBA~", usp: "1YYN" } }),
];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? { a: value } : [value];
  return value;
}

function goodEvent(random: Random): Record<string, unknown> {
  const type = random.pick(TYPES);
  return {
    type,
    event: "Fuzzed",
    name: "Fuzzed",
    anonymousId: `device-${random.below(1_000)}`,
    userId: random.chance(0.5) ? `user-${random.below(1_000)}` : null,
    groupId: "group",
    previousId: "before",
    messageId: random.chance(0.9) ? `m-${random.next().toString(36)}${random.next().toString(36)}` : undefined,
    timestamp: new Date().toISOString(),
    properties: { price: 12.5, list: [1, "two", { three: 3 }], url: "https://shop.example/?utm_source=x" },
    context: { page: { path: "/" }, library: { name: "fuzz", version: "1" } },
  };
}

function mutateValue(value: Record<string, unknown>, random: Random): void {
  let target = value;
  for (let step = 0; step < 4; step++) {
    const keys = Object.keys(target);
    const key = random.pick(keys.length > 0 ? keys : ["new"]);
    const next = target[key];
    if (typeof next === "object" && next !== null && random.chance(0.6)) {
      target = next as Record<string, unknown>;
      continue;
    }
    const odd = random.pick(ODD_VALUES)(random);
    target[random.chance(0.8) ? key : oddKey(random)] = odd;
    return;
  }
}

function oddKey(random: Random): string {
  return random.pick(["", "__proto__", "constructor", LONE, "\u0000", "k".repeat(200), "a/b~c", "toString"]);
}

function mutateText(text: string, random: Random): string {
  const at = random.below(text.length);
  return random.pick([
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(at + 1 + random.below(5)),
    () =>
      text.slice(0, at) +
      random.pick(['"', "{", "]", ",", "\\u0000", "\\ud800", "1e400", "\n", " ", "null"]) +
      text.slice(at),
    () => `\ufeff${text}`,
    () => text + random.pick(["x", "{}", " ", "\u0000"]),
    () => text.replace('"batch"', '"batch":[],"batch"'),
    () => text.replaceAll(":", " :\n "),
    () => "[".repeat(random.below(100_000)),
  ])();
}

function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const mutated = Uint8Array.from(bytes);
  for (let flips = 1 + random.below(3); flips > 0 && mutated.length > 0; flips--) {
    mutated[random.below(mutated.length)] = random.below(256);
  }
  return mutated;
}

export function fuzzedRequest(random: Random, key: string): FuzzedRequest {
  const path = random.pick(PATHS);
  const isBatch = /batch|import|beacon|\/b$/.test(path);
  const body: Record<string, unknown> = isBatch
    ? { batch: Array.from({ length: 1 + random.below(8) }, () => goodEvent(random)), sentAt: new Date().toISOString() }
    : goodEvent(random);
  for (let changes = random.below(4); changes > 0; changes--) mutateValue(body, random);
  let text = JSON.stringify(body);
  if (random.chance(0.25)) text = mutateText(text, random);
  let bytes: Uint8Array = new TextEncoder().encode(text);
  const headers: Record<string, string> = { "content-type": "application/json", authorization: `Bearer ${key}` };
  if (random.chance(0.2)) {
    bytes = gzipSync(bytes);
    headers["content-encoding"] = "gzip";
  }
  if (random.chance(0.1)) bytes = mutateBytes(bytes, random);
  if (random.chance(0.05)) headers["content-encoding"] = random.pick(["gzip", "br", "identity", "gzip, gzip", ""]);
  if (random.chance(0.05))
    headers["content-type"] = random.pick([
      "text/plain",
      "text/xml",
      "multipart/form-data",
      "",
      "application/x-www-form-urlencoded",
    ]);
  if (random.chance(0.03))
    headers.authorization = random.pick(["", "Bearer", "Bearer x", "Digest a", `Basic ${btoa("x")}`]);
  if (random.chance(0.05)) headers["x-retry-count"] = random.pick(["1", "-1", "NaN", "99999999999"]);
  if (random.chance(0.05)) headers.dnt = "1";
  const method = random.chance(0.02) ? random.pick(["PUT", "DELETE", "PATCH"]) : "POST";
  return { path, method, headers, body: bytes };
}
