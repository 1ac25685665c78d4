// Tests the ledger while parts of it fail. A refusal of consent is never answered with 200 and then forgotten, and never lost
// when it was answered with 503. An event that could not be judged is not stored. ADR 009.

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { TUNINGS } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../src/env.ts";
import { topicOf } from "../../src/ledger/entry.ts";
import { ConsentLedger } from "../../src/ledger/home.ts";
import { BufferShard } from "../../src/shard/shard.ts";
import worker from "../../src/worker.ts";
import { bearer, goodEvent, ORIGIN, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { entryOf, homeOf, refusal, runHomeAlarm, unreachable } from "../ledger/objects.ts";
import { loseMemory } from "../shard/stub.ts";

afterEach(() => vi.restoreAllMocks());

async function refuse(key: string, anonymousId: string) {
  const body = { anonymousId, purposes: { analytics: "denied" }, method: "banner" };
  return send("/v1/consent", { body, headers: bearer(key) });
}

async function post(key: string, event: object, continent = "NA", environment: Env = env) {
  const request = new Request(`${ORIGIN}/v1/track`, {
    method: "POST",
    headers: bearer(key),
    body: JSON.stringify(event),
    cf: { continent, country: "US" } as unknown as CfProperties,
  });
  const response = await worker.fetch(request, environment, createExecutionContext());
  return { status: response.status, body: await response.json<Record<string, unknown>>() };
}

const track = async (key: string, anonymousId: string, continent?: string) =>
  (await post(key, goodEvent({ anonymousId }), continent)).body;

const UNAVAILABLE = { status: 503, body: { code: "unavailable" } };

describe("a shard that can't be notified", () => {
  it("makes the call a 503; told again, it judges by the refusal as the others do", async () => {
    const project = newProject("untold");
    const key = await newKey({ project });
    await refuse(key, "somebody");
    for (const continent of ["NA", "EU"]) expect(await track(key, "v", continent)).toMatchObject({ accepted: 1 });
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const { restore } = unreachable(":eu:");
    const answer = await refuse(key, "v");
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(Number(answer.headers.get("Retry-After"))).toBeGreaterThanOrEqual(1);
    expect(logged.mock.calls.flat().join()).toContain(`${project}:eu:0`);
    expect(await track(key, "v", "NA")).toMatchObject({ suppressed: 1 });
    // The client disconnects and does not retry the refusal.
    expect(await runHomeAlarm(project, "anonymousId", "v")).toBe(true);
    expect(await track(key, "v", "EU")).toMatchObject({ accepted: 1 });
    restore();
    expect(await runHomeAlarm(project, "anonymousId", "v")).toBe(true);
    expect(await track(key, "v", "EU")).toMatchObject({ accepted: 0, suppressed: 1 });
    expect((await refuse(key, "v")).status).toBe(200);
  });

  it("is told after the ledger object has lost its memory, and by a client's own second try", async () => {
    const project = newProject("memory");
    const key = await newKey({ project });
    await refuse(key, "somebody");
    for (const id of ["a", "b"]) await track(key, id);
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { restore } = unreachable(":na:");
    expect(await refuse(key, "a")).toMatchObject(UNAVAILABLE);
    expect(await refuse(key, "b")).toMatchObject(UNAVAILABLE);
    await loseMemory();
    restore();
    expect((await refuse(key, "b")).status).toBe(200);
    expect(await track(key, "b")).toMatchObject({ suppressed: 1 });
    await runHomeAlarm(project, "anonymousId", "a");
    expect(await track(key, "a")).toMatchObject({ suppressed: 1 });
  });

  it("holds nothing back for ids it does not judge", async () => {
    const key = await newKey({ project: newProject("others") });
    await refuse(key, "somebody");
    await track(key, "v", "EU");
    const { calls } = unreachable("nobody");
    expect((await refuse(key, "never-seen-by-eu")).status).toBe(200);
    // At most the shards that subscribed to the bucket are notified.
    expect(calls.filter((name) => !name.includes(":eu:"))).toEqual([]);
  });
});

describe("a ledger object that does not answer", () => {
  it("makes a call a 503, and the next call succeeds", async () => {
    const key = await newKey({ project: newProject("home-down") });
    vi.spyOn(console, "error").mockImplementation(() => {});
    const record = vi.spyOn(ConsentLedger.prototype, "record").mockRejectedValueOnce(new Error("down"));
    expect(await refuse(key, "v")).toMatchObject(UNAVAILABLE);
    record.mockRestore();
    expect((await refuse(key, "v")).status).toBe(200);
    expect(await track(key, "v")).toMatchObject({ suppressed: 1 });
  });

  it("makes a preference event a 503, and no event of the batch is stored", async () => {
    const key = await newKey({ project: newProject("preference-down") });
    vi.spyOn(console, "error").mockImplementation(() => {});
    const record = vi.spyOn(ConsentLedger.prototype, "record").mockRejectedValueOnce(new Error("down"));
    const preference = goodEvent({
      event: "Segment Consent Preference Updated",
      anonymousId: "v",
      context: { consent: { categoryPreferences: { Analytics: false } } },
    });
    const batch = { batch: [goodEvent({ anonymousId: "mate" }), preference] };
    expect(await send("/v1/batch", { body: batch, headers: bearer(key) })).toMatchObject(UNAVAILABLE);
    record.mockRestore();
    expect((await send("/v1/batch", { body: batch, headers: bearer(key) })).body).toMatchObject({
      accepted: 1,
      duplicates: 0,
      suppressed: 1,
    });
  });

  it("makes the first event of a shard a 503, and that event is accepted later", async () => {
    const key = await newKey({ project: newProject("first") });
    vi.spyOn(console, "error").mockImplementation(() => {});
    const watch = vi.spyOn(ConsentLedger.prototype, "watchUse").mockRejectedValueOnce(new Error("down"));
    const event = goodEvent();
    expect(await post(key, event)).toMatchObject(UNAVAILABLE);
    watch.mockRestore();
    expect(await post(key, event)).toMatchObject({ status: 200, body: { accepted: 1, duplicates: 0 } });
  });

  it("causes the refusal of events whose ids a shard can't judge yet, and of no others", async () => {
    const project = newProject("closed");
    const key = await newKey({ project });
    await refuse(key, "v");
    expect(await track(key, "known")).toMatchObject({ accepted: 1 });
    vi.spyOn(console, "error").mockImplementation(() => {});
    const topic = topicOf(entryOf(project, "anonymousId", "v"));
    const { subscribe } = ConsentLedger.prototype;
    const down = vi.spyOn(ConsentLedger.prototype, "subscribe").mockImplementation(async function (
      this: ConsentLedger,
      shard,
      token,
      topics,
      after,
    ) {
      if (topics.includes(topic)) throw new Error("down");
      return subscribe.call(this, shard, token, topics, after);
    });
    expect(await post(key, goodEvent({ anonymousId: "v" }))).toMatchObject(UNAVAILABLE);
    expect(await track(key, "known")).toMatchObject({ accepted: 1 });
    down.mockRestore();
    expect(await track(key, "v")).toMatchObject({ suppressed: 1 });
  });

  it("that can't say that the ledger is in use: 503, and told later", async () => {
    const project = newProject("use");
    const key = await newKey({ project });
    expect(await track(key, "v", "AS")).toMatchObject({ accepted: 1 });
    vi.spyOn(console, "error").mockImplementation(() => {});
    const told = vi.spyOn(BufferShard.prototype, "ledgerInUse").mockRejectedValue(new Error("unreachable"));
    expect(await refuse(key, "v")).toMatchObject(UNAVAILABLE);
    expect(await track(key, "v", "AS")).toMatchObject({ accepted: 1 });
    told.mockRestore();
    expect(await runHomeAlarm(project, "anonymousId", "v")).toBe(true);
    expect(await track(key, "v", "AS")).toMatchObject({ suppressed: 1 });
  });
});

describe("a copy that is made", () => {
  /** Writes more records into one topic than a page holds, so that some ids sort before and some after the cursor. */
  async function fullTopic(project: string): Promise<void> {
    const first = entryOf(project, "userId", "u");
    const records = Array.from({ length: TUNINGS.ledgerPageEntries + 10 }, (_, index) => {
      const entry = first.slice();
      new DataView(entry.buffer).setUint32(2, index);
      return { entry, record: refusal(`r-${index}`, { purposes: { advertising: "denied" } }) };
    });
    expect(await homeOf(project, "userId", "u").record(records)).toEqual({ unreachable: [] });
  }

  /** Runs `meanwhile` once, while the second page is requested. */
  function betweenPages(meanwhile: (home: ConsentLedger) => Promise<void>) {
    const { subscribe } = ConsentLedger.prototype;
    let isDone = false;
    return vi.spyOn(ConsentLedger.prototype, "subscribe").mockImplementation(async function (
      this: ConsentLedger,
      shard,
      token,
      topics,
      after,
    ) {
      if (after !== null && !isDone) {
        isDone = true;
        await meanwhile(this);
      }
      return subscribe.call(this, shard, token, topics, after);
    });
  }

  const event = () => goodEvent({ userId: "u", anonymousId: "d" });

  it("has what is recorded while it is made", async () => {
    const project = newProject("pull");
    const key = await newKey({ project });
    await fullTopic(project);
    const recorded: unknown[] = [];
    const spy = betweenPages(async (home) => {
      const entry = entryOf(project, "userId", "u");
      recorded.push(await home.record([{ entry, record: refusal("while") }]));
    });
    expect((await post(key, event())).body).toMatchObject({ accepted: 0, suppressed: 1 });
    expect(recorded).toEqual([{ unreachable: [] }]);
    spy.mockRestore();
    expect((await post(key, event())).body).toMatchObject({ accepted: 0, suppressed: 1 });
  });

  it("and breaks off between two pages judges nothing, and is made anew", async () => {
    const project = newProject("broken");
    const key = await newKey({ project });
    await fullTopic(project);
    vi.spyOn(console, "error").mockImplementation(() => {});
    const spy = betweenPages(async () => {
      throw new Error("cut");
    });
    expect(await post(key, event())).toMatchObject(UNAVAILABLE);
    await loseMemory();
    // The ledger still lists the incomplete copy as a subscriber, but does not wait for it.
    const secret = await newKey({ project, kind: "secret" });
    const body = { userId: "u", purposes: { analytics: "denied" }, method: "banner" };
    expect((await send("/v1/consent", { body, headers: bearer(secret) })).status).toBe(200);
    expect((await post(key, event())).body).toMatchObject({ accepted: 0, suppressed: 1 });
    spy.mockRestore();
    const { calls } = unreachable("nobody");
    const grant = { userId: "u", purposes: { analytics: "granted" }, method: "banner" };
    expect((await send("/v1/consent", { body: grant, headers: bearer(secret) })).status).toBe(200);
    expect((await post(key, event())).body).toMatchObject({ accepted: 1 });
    // There is one copy. It is notified once, under the user's entry.
    expect(calls).toEqual([`${project}:na:0`]);
  });

  it("survives the loss of memory of both sides", async () => {
    const project = newProject("durable");
    const key = await newKey({ project });
    await refuse(key, "v");
    expect(await track(key, "v")).toMatchObject({ suppressed: 1 });
    expect(await track(key, "w")).toMatchObject({ accepted: 1 });
    await loseMemory();
    const pulled = vi.spyOn(ConsentLedger.prototype, "subscribe");
    expect(await track(key, "v")).toMatchObject({ suppressed: 1 });
    expect((await refuse(key, "w")).status).toBe(200);
    expect(await track(key, "w")).toMatchObject({ suppressed: 1 });
    expect(pulled).not.toHaveBeenCalled();
  });

  it("is given up by a shard that was silent for long, and asked for anew", async () => {
    const project = newProject("retired");
    const key = await newKey({ project });
    await refuse(key, "v");
    expect(await track(key, "v")).toMatchObject({ suppressed: 1 });
    const shard = env.SHARD.get(env.SHARD.idFromName(`${project}:na:0`));
    await vi.waitFor(async () => expect(await shard.retire()).toBe(true), { timeout: 15_000 });
    const { calls, restore } = unreachable("nobody");
    expect((await refuse(key, "v")).status).toBe(200);
    for (const id of ["v", "w"]) {
      const grant = { anonymousId: id, purposes: { analytics: "granted" }, method: "banner" };
      expect((await send("/v1/consent", { body: grant, headers: bearer(key) })).status).toBe(200);
    }
    // The shard is notified at most once more. It answers that it has no copy, and is not notified again.
    expect(calls.length).toBeLessThanOrEqual(1);
    restore();
    await refuse(key, "v");
    expect(await track(key, "v")).toMatchObject({ suppressed: 1 });
  });
});

describe("without LEDGER_SECRET", () => {
  const without: Env = (() => {
    const { LEDGER_SECRET: _secret, ...rest } = env;
    return rest;
  })();

  it("consent can't be recorded or read, and the log says what to do; events are taken while nobody has recorded", async () => {
    const key = await newKey({ project: newProject("no-secret") });
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const call = (path: string, init: RequestInit) =>
      worker.fetch(
        new Request(`${ORIGIN}${path}`, { headers: bearer(key), ...init }),
        without,
        createExecutionContext(),
      );
    const body = JSON.stringify({ anonymousId: "v", purposes: { analytics: "denied" }, method: "banner" });
    expect((await call("/v1/consent", { method: "POST", body })).status).toBe(503);
    expect((await call("/v1/consent?anonymousId=v", {})).status).toBe(503);
    expect(logged.mock.calls.flat().join()).toContain("LEDGER_SECRET");
    expect((await post(key, goodEvent({ anonymousId: "v" }), "NA", without)).body).toMatchObject({ accepted: 1 });
    expect((await refuse(key, "v")).status).toBe(200);
    expect(await post(key, goodEvent({ anonymousId: "v" }), "NA", without)).toMatchObject(UNAVAILABLE);
    expect(await track(key, "v")).toMatchObject({ suppressed: 1 });
  });
});

describe("projects", () => {
  it("share no refusal, although they share the ids", async () => {
    const [one, two] = [newProject("one"), newProject("two")];
    const keys = [await newKey({ project: one }), await newKey({ project: two })] as const;
    await refuse(keys[0], "v");
    await refuse(keys[1], "another");
    expect(await track(keys[0], "v")).toMatchObject({ suppressed: 1 });
    expect(await track(keys[1], "v")).toMatchObject({ accepted: 1 });
    expect(entryOf(one, "userId", "v")).not.toEqual(entryOf(two, "userId", "v"));
    expect(entryOf(one, "userId", "v").slice(2)).not.toEqual(entryOf(one, "anonymousId", "v").slice(2));
  });
});
