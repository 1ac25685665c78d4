// Sends mutated requests. Every answer is an answer that clients understand and never a server fault. In the end, exactly the
// events answered as accepted are on the stream. The test's name contains the seed; 200,000 requests with `CHAOS=full`.

import { gzipSync } from "node:zlib";
import { expect, inject, it, vi } from "vitest";
import { bearer, expectConserved, fetchEdge, goodEvent } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { readRecords, streamState } from "../servers/kinesis/stream.ts";
import { storedRows } from "../shard/stub.ts";

const REQUESTS = inject("chaos") === "full" ? 200_000 : 1_500;
const AT_ONCE = 10;
const SEED = Math.floor(Math.random() * 2 ** 31);

/** Mulberry32, so that the same seed produces the same requests. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = generator(SEED);
const below = (bound: number) => Math.floor(random() * bound);
const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T;

const encoder = new TextEncoder();

const TOKENS = [
  "null",
  "true",
  "1e400",
  "-0",
  "9007199254740993",
  '""',
  '"\\ud800"',
  '"\\u0000"',
  "[]",
  "{}",
  "[[[[",
  '"__proto__":',
  '"batch":',
  '"type":',
  ",",
  ":",
  "\\",
  '"',
  "\u0000",
  "\ufeff",
  "\u{1F600}",
  "}]",
  '"messageId":"same"',
  '"timestamp":"infinity"',
  '"context":{"consent":{"tcf":"x"}}',
  '"userId":0',
  `"${"k".repeat(129)}":1`,
  " ".repeat(50),
];

/** Makes one to four changes to the text's bytes: replaced, cut or doubled bytes, or an inserted piece of JSON. */
function mutate(text: string): Uint8Array {
  let bytes = encoder.encode(text);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(bytes.length + 1);
    const to = Math.min(bytes.length, at + below(12));
    const middle = pick([
      () => Uint8Array.of(below(256)),
      () => new Uint8Array(),
      () => encoder.encode(pick(TOKENS)),
      () => bytes.slice(at, to),
      () => bytes.slice(below(bytes.length), below(bytes.length)),
    ])();
    bytes = Uint8Array.from([...bytes.subarray(0, at), ...middle, ...bytes.subarray(random() < 0.5 ? at : to)]);
  }
  return bytes;
}

const EVENTS = [
  () => goodEvent(),
  () => goodEvent({ type: "page", name: "Home", context: { page: { url: "https://shop.test/?email=a@b.test" } } }),
  () => goodEvent({ type: "identify", userId: "u", traits: { email: "a@b.test", age: 41 } }),
  () => goodEvent({ messageId: "same" }),
  () => ({ ...goodEvent(), messageId: undefined }),
  () => goodEvent({ timestamp: new Date().toISOString(), sentAt: new Date().toISOString() }),
];
const PATHS = ["/v1/track", "/v1/batch", "/v1/beacon", "/v1/import", "/v1/page", "/v1/i", "/b", "/v1/alias/"];
const HEADERS: readonly Record<string, string>[] = [
  {},
  {},
  {},
  { "Content-Type": "application/json" },
  { "Content-Type": "application/x-www-form-urlencoded" },
  { "Content-Encoding": "gzip" },
  { "X-Retry-Count": "2" },
  { "Sec-GPC": "0, 1" },
  { DNT: "1" },
  { Origin: "null" },
  { "CF-Connecting-IP": "::ffff:1.2.3.4" },
  { "Content-Encoding": "br" },
  { "Content-Length": "7" },
  { Referer: "not a url" },
];

interface Outcome {
  status: number;
  accepted: number;
}

async function sendOne(key: string): Promise<Outcome> {
  const events = Array.from({ length: 1 + below(4) }, () => pick(EVENTS)());
  const body = random() < 0.5 ? events[0] : { batch: events, sentAt: new Date().toISOString(), context: { app: "x" } };
  const text = JSON.stringify(body);
  const mutated = random() < 0.1 ? encoder.encode(text) : mutate(text);
  const data = random() < 0.2 ? new Uint8Array(gzipSync(mutated)) : mutated;
  const headers = { ...pick(HEADERS), ...(random() < 0.95 ? bearer(key) : {}) };
  const response = await fetchEdge(pick(PATHS), { method: "POST", headers, body: data });
  const answer = await response.json<{ accepted?: number; rejected?: unknown[]; code?: string }>();
  if (response.status >= 500) throw new Error(`${response.status} for ${new TextDecoder().decode(mutated)}`);
  expect(answer).toHaveProperty("success", response.status === 200);
  if (answer.rejected !== undefined) {
    const counted = answer as unknown as Parameters<typeof expectConserved>[0];
    expectConserved(counted, counted.accepted + counted.duplicates + counted.suppressed + counted.rejected.length);
  }
  return { status: response.status, accepted: answer.accepted ?? 0 };
}

it(`${REQUESTS} mutated requests (seed ${SEED}) cause no server fault, and each accepted event is on the stream once`, async () => {
  const project = newProject("fuzz");
  const key = await newKey({ project });
  const outcomes: Outcome[] = [];
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    outcomes.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => sendOne(key)))));
  }
  const accepted = outcomes.reduce((sum, outcome) => sum + outcome.accepted, 0);
  expect(new Set(outcomes.map(({ status }) => status))).toContain(200);
  expect(accepted).toBeGreaterThan(REQUESTS / 10);
  await vi.waitFor(async () => expect(await storedRows(project)).toEqual([]), { timeout: 15_000, interval: 50 });
  const ids = readRecords((await streamState(project)).arrived).lines.flatMap(({ events }) =>
    events.map(({ messageId }) => messageId),
  );
  expect(ids).toHaveLength(accepted);
  expect(new Set(ids).size).toBe(accepted);
}, 600_000);
