// Tests Segment's preference event as a write to the ledger. A refusal by such an event overrides every grant that was received
// earlier. A batch of such events costs one call per ledger object, not one call per event. docs/API_DOCUMENTATION.md#consent.

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../src/env.ts";
import { HOMES } from "../../src/ledger/entry.ts";
import worker from "../../src/worker.ts";
import { bearer, goodEvent, ORIGIN, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";

afterEach(() => vi.restoreAllMocks());

const PREFERENCE = "Segment Consent Preference Updated";
const GRANT = { analytics: "granted", advertising: "granted" };
const ALLOWED = { Analytics: true, Advertising: true };

function preference(categoryPreferences: object, change: Record<string, unknown> = {}) {
  return goodEvent({ event: PREFERENCE, anonymousId: "d", context: { consent: { categoryPreferences } }, ...change });
}

async function nextEvent(key: string, anonymousId = "d") {
  return (await send("/v1/track", { body: goodEvent({ anonymousId }), headers: bearer(key) })).body;
}

async function grant(key: string) {
  const body = { anonymousId: "d", purposes: GRANT, method: "banner" };
  expect((await send("/v1/consent", { body, headers: bearer(key) })).status).toBe(200);
}

/** Records the calls to ledger objects, by name, while a request is answered. */
function countedLedger(): { env: Env; calls: string[] } {
  const calls: string[] = [];
  const LEDGER = {
    idFromName: (name: string) => env.LEDGER.idFromName(name),
    get: (id: DurableObjectId) => {
      const stub = env.LEDGER.get(id);
      return { record: (records: never) => (calls.push(id.name as string), stub.record(records)) };
    },
  };
  return { env: { ...env, LEDGER: LEDGER as unknown as Env["LEDGER"] }, calls };
}

const HOUR_MS = 3_600_000;
/** The time of the refusal according to a client's clock or library. */
const TIMES: [name: string, batch: Record<string, unknown>, event: Record<string, unknown>][] = [
  ["no time at all", {}, {}],
  ["a time, and no sentAt", {}, { timestamp: new Date().toISOString() }],
  ["a clock that is an hour behind", {}, { timestamp: new Date(Date.now() - HOUR_MS).toISOString() }],
  [
    "a clock that is a day behind, and says so",
    { sentAt: new Date(Date.now() - 24 * HOUR_MS).toISOString() },
    { timestamp: new Date(Date.now() - 24 * HOUR_MS).toISOString() },
  ],
  ["a clock that is ahead", {}, { timestamp: new Date(Date.now() + HOUR_MS).toISOString() }],
  ["a time that is none", {}, { timestamp: "soon" }],
];

describe("a refusal after a grant", () => {
  it.each(TIMES)("with %s: wins", async (_name, batch, event) => {
    const key = await newKey({ project: newProject("refused") });
    await grant(key);
    expect(await nextEvent(key)).toMatchObject({ accepted: 1 });
    const body = { ...batch, batch: [preference({ Analytics: false }, event)] };
    expect((await send("/v1/batch", { body, headers: bearer(key) })).body).toMatchObject({ suppressed: 1 });
    expect(await nextEvent(key)).toMatchObject({ accepted: 0, suppressed: 1 });
  });

  it("by a call whose clock is behind: wins", async () => {
    const key = await newKey({ project: newProject("refused-call") });
    await grant(key);
    const occurredAt = new Date(Date.now() - HOUR_MS).toISOString();
    const body = { anonymousId: "d", purposes: { analytics: "denied" }, method: "banner", occurredAt };
    expect((await send("/v1/consent", { body, headers: bearer(key) })).status).toBe(200);
    expect(await nextEvent(key)).toMatchObject({ accepted: 0, suppressed: 1 });
  });

  it("of which a retry comes after a later grant's time: a grant is no newer than its receipt", async () => {
    const key = await newKey({ project: newProject("future") });
    const ahead = { timestamp: new Date(Date.now() + 20 * HOUR_MS).toISOString() };
    await send("/v1/batch", { body: { batch: [preference(ALLOWED, ahead)] }, headers: bearer(key) });
    await send("/v1/batch", { body: { batch: [preference({ Analytics: false })] }, headers: bearer(key) });
    expect(await nextEvent(key)).toMatchObject({ suppressed: 1 });
  });
});

describe("a batch of preferences", () => {
  it("applies the last preference of each id", async () => {
    const key = await newKey({ project: newProject("last") });
    const at = (seconds: number) => ({ timestamp: new Date(Date.now() - 1_000 * seconds).toISOString() });
    const batch = [
      preference({ Analytics: false }, { anonymousId: "changed-its-mind", ...at(20) }),
      preference(ALLOWED, { anonymousId: "changed-its-mind", ...at(10) }),
      preference(ALLOWED, { anonymousId: "refused-in-the-end", ...at(10) }),
      preference({ Analytics: false }, { anonymousId: "refused-in-the-end", ...at(5) }),
      // These events are out of order, so their times decide which is the last.
      preference({ Analytics: false }, { anonymousId: "out-of-order", ...at(5) }),
      preference(ALLOWED, { anonymousId: "out-of-order", ...at(15) }),
    ];
    expect((await send("/v1/batch", { body: { batch }, headers: bearer(key) })).status).toBe(200);
    expect(await nextEvent(key, "changed-its-mind")).toMatchObject({ accepted: 1 });
    expect(await nextEvent(key, "refused-in-the-end")).toMatchObject({ suppressed: 1 });
    expect(await nextEvent(key, "out-of-order")).toMatchObject({ suppressed: 1 });
  });

  it("is at most one call per ledger object, for any number of events and shards", async () => {
    const key = await newKey({ project: newProject("calls"), shards: 16 });
    const batch = Array.from({ length: 300 }, (_, index) =>
      preference({ Analytics: false }, { anonymousId: `d-${index % 150}`, userId: `u-${index % 70}` }),
    );
    const counted = countedLedger();
    const request = new Request(`${ORIGIN}/v1/batch`, {
      method: "POST",
      headers: bearer(key),
      body: JSON.stringify({ batch }),
    });
    const answer = await worker.fetch(request, counted.env, createExecutionContext());
    expect(await answer.json()).toMatchObject({ accepted: 0, suppressed: 300 });
    expect(counted.calls.length).toBeLessThanOrEqual(HOMES);
    expect(new Set(counted.calls).size).toBe(counted.calls.length);
  });

  it("is charged to the key's limit, and refused completely when the limit is exhausted", async () => {
    const key = await newKey({ project: newProject("limit"), rateLimit: 1 });
    const send2 = () =>
      send("/v1/batch", { body: { batch: [preference({ Analytics: false })] }, headers: bearer(key) });
    const statuses = [(await send2()).status, (await send2()).status, (await send2()).status];
    expect(statuses).toContain(429);
    expect(statuses[0]).toBe(200);
  });
});

describe("consent calls", () => {
  it("are charged to the key's limit: 429 with Retry-After", async () => {
    const key = await newKey({ project: newProject("limited"), rateLimit: 1 });
    const answers = [];
    for (let i = 0; i < 20; i++) {
      const body = { anonymousId: `d-${i}`, purposes: { analytics: "denied" }, method: "banner" };
      answers.push(await send("/v1/consent", { body, headers: bearer(key) }));
    }
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThan(10);
    expect(limited[0]?.body.code).toBe("rate_limited");
    expect(Number(limited[0]?.headers.get("Retry-After"))).toBeGreaterThanOrEqual(1);
  });
});
