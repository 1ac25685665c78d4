// Tests the ledger through the public API. A record that one request writes applies to the next request, in the shards of every
// region.

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import worker from "../../src/worker.ts";
import { bearer, goodEvent, ORIGIN, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { arrivedEvents, untilArrived } from "../servers/kinesis/stream.ts";

const GRANT = { analytics: "granted", advertising: "granted" };

/** Sends a request from another continent. The test pool's own entry point does not set a continent. */
async function sendFrom(
  continent: string,
  country: string,
  key: string,
  event: object,
): Promise<Record<string, unknown>> {
  const request = new Request(`${ORIGIN}/v1/track`, {
    method: "POST",
    headers: bearer(key),
    body: JSON.stringify(event),
    cf: { continent, country } as unknown as CfProperties,
  });
  const answer = await worker.fetch(request, env, createExecutionContext());
  return answer.json();
}

async function consent(key: string, body: object) {
  return send("/v1/consent", { body: { method: "test", ...body }, headers: bearer(key) });
}

describe("the consent ledger", () => {
  it("binds the next request, in the shards of every region", async () => {
    const project = newProject("regions");
    const key = await newKey({ project });
    const CONTINENTS = ["EU", "NA", "AS", "SA", "AF", "OC"];
    for (const continent of CONTINENTS) {
      expect(await sendFrom(continent, "US", key, goodEvent({ anonymousId: "visitor" }))).toMatchObject({
        accepted: 1,
      });
    }
    expect((await consent(key, { anonymousId: "visitor", purposes: { analytics: "denied" } })).status).toBe(200);
    for (const continent of CONTINENTS) {
      const answer = await sendFrom(continent, "US", key, goodEvent({ anonymousId: "visitor" }));
      expect(answer, continent).toMatchObject({ success: true, accepted: 0, suppressed: 1 });
      expect(await sendFrom(continent, "US", key, goodEvent({ anonymousId: "other" }))).toMatchObject({ accepted: 1 });
    }
  });

  it("judges an event by every id it names, the strictest first", async () => {
    const project = newProject("ids");
    const key = await newKey({ project });
    const secret = await newKey({ project, kind: "secret" });
    await consent(secret, { userId: "member", purposes: { analytics: "denied" } });
    await consent(key, { anonymousId: "device", purposes: GRANT });
    const of = async (ids: Record<string, unknown>) =>
      (await send("/v1/track", { body: goodEvent(ids), headers: bearer(key) })).body;
    expect(await of({ anonymousId: "device" })).toMatchObject({ accepted: 1 });
    expect(await of({ anonymousId: "device", userId: "member" })).toMatchObject({ accepted: 0, suppressed: 1 });
    expect(await of({ anonymousId: "elsewhere", userId: "member" })).toMatchObject({ accepted: 0, suppressed: 1 });
  });

  it("allows events of an opt-in regime after a grant, and judges each event of a batch by its own ids", async () => {
    const project = newProject("opt-in");
    const key = await newKey({ project, settings: { consentRegime: "opt-in" } });
    const [granted, unknown] = [goodEvent({ anonymousId: "yes" }), goodEvent({ anonymousId: "who" })];
    await consent(key, { anonymousId: "yes", purposes: GRANT });
    const answer = await send("/v1/batch", { body: { batch: [granted, unknown] }, headers: bearer(key) });
    expect(answer.body).toMatchObject({ accepted: 1, suppressed: 1 });
    await untilArrived(project, [granted.messageId]);
    expect((await arrivedEvents(project)).has(unknown.messageId)).toBe(false);
  });

  it("allows no grant to override a later refusal", async () => {
    const key = await newKey({ project: newProject("order") });
    const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    await consent(key, { anonymousId: "d", purposes: { analytics: "denied" }, occurredAt: at(5) });
    await consent(key, { anonymousId: "d", purposes: { analytics: "granted" }, occurredAt: at(10) });
    const event = async () =>
      (await send("/v1/track", { body: goodEvent({ anonymousId: "d" }), headers: bearer(key) })).body;
    expect(await event()).toMatchObject({ suppressed: 1 });
    // A refusal counts from its receipt, regardless of the client's clock.
    await consent(key, { anonymousId: "d", purposes: { analytics: "granted" }, occurredAt: at(1) });
    expect(await event()).toMatchObject({ suppressed: 1 });
    await consent(key, { anonymousId: "d", purposes: { analytics: "granted" } });
    expect(await event()).toMatchObject({ accepted: 1 });
    // A time in the future counts as now, so that it can't override later records.
    await consent(key, { anonymousId: "d", purposes: { analytics: "granted" }, occurredAt: at(-600) });
    await consent(key, { anonymousId: "d", purposes: { analytics: "denied" } });
    expect(await event()).toMatchObject({ suppressed: 1 });
  });

  it("is written by Segment's own event as well", async () => {
    const key = await newKey({ project: newProject("segment") });
    const preference = goodEvent({
      event: "Segment Consent Preference Updated",
      anonymousId: "d",
      context: { consent: { categoryPreferences: { Analytics: false } } },
    });
    expect((await send("/v1/track", { body: preference, headers: bearer(key) })).body).toMatchObject({ suppressed: 1 });
    const next = await send("/v1/track", { body: goodEvent({ anonymousId: "d" }), headers: bearer(key) });
    expect(next.body).toMatchObject({ suppressed: 1 });
  });

  it("allows a public key to refuse for any id, and to grant for a device only", async () => {
    const project = newProject("rights");
    const key = await newKey({ project });
    expect((await consent(key, { userId: "u", purposes: { analytics: "denied" } })).status).toBe(200);
    const grant = await consent(key, { userId: "u", anonymousId: "d", purposes: GRANT });
    expect(grant).toMatchObject({ status: 403, body: { code: "insufficient_scope", pointer: "/userId" } });
    const secret = await newKey({ project, kind: "secret" });
    expect((await consent(secret, { userId: "u", purposes: GRANT })).status).toBe(200);
  });

  it.each([
    ["no id", { purposes: GRANT }, "/anonymousId"],
    ["an empty id", { anonymousId: "", purposes: GRANT }, "/anonymousId"],
    ["an id of a wrong type", { userId: {}, purposes: { analytics: "denied" } }, "/userId"],
    ["no purposes", { anonymousId: "d" }, "/purposes"],
    ["empty purposes", { anonymousId: "d", purposes: {} }, "/purposes"],
    ["an unknown purpose", { anonymousId: "d", purposes: { selling: "denied" } }, "/purposes/selling"],
    ["an unknown verdict", { anonymousId: "d", purposes: { analytics: "maybe" } }, "/purposes/analytics"],
    ["a time that is none", { anonymousId: "d", purposes: GRANT, occurredAt: "tomorrow" }, "/occurredAt"],
    ["a method of a wrong type", { anonymousId: "d", purposes: GRANT, method: 7 }, "/method"],
    ["no method", { anonymousId: "d", purposes: GRANT, method: undefined }, "/method"],
    ["a method that is null", { anonymousId: "d", purposes: GRANT, method: null }, "/method"],
    ["a blank method", { anonymousId: "d", purposes: GRANT, method: " " }, "/method"],
    ["a blank id", { userId: "  ", purposes: { analytics: "denied" } }, "/userId"],
  ])("refuses %s with a pointer", async (_case, body, pointer) => {
    const key = await newKey({ project: newProject("bad") });
    const answer = await send("/v1/consent", { body: { method: "test", ...body }, headers: bearer(key) });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_parameter", pointer } });
  });

  it("returns the state to a public key, and the history to a secret key", async () => {
    const project = newProject("read");
    const key = await newKey({ project });
    const secret = await newKey({ project, kind: "secret" });
    await consent(key, { anonymousId: "d", purposes: GRANT, noticeVersion: "v7" });
    await consent(key, { anonymousId: "d", purposes: { advertising: "denied" } });
    const state = await send("/v1/consent?anonymousId=d", { headers: bearer(key) });
    expect(state.body.data).toEqual({ purposes: { analytics: "granted", advertising: "denied" } });
    const history = await send("/v1/consent?anonymousId=d", { headers: bearer(secret) });
    expect(history.body.data).toMatchObject({
      purposes: { analytics: "granted", advertising: "denied" },
      history: [{ purposes: GRANT, noticeVersion: "v7", method: "test" }, { purposes: { advertising: "denied" } }],
    });
    expect((await send("/v1/consent?anonymousId=nobody", { headers: bearer(key) })).body.data).toEqual({
      purposes: {},
    });
    expect((await send("/v1/consent?userId=u", { headers: bearer(key) })).status).toBe(403);
    expect((await send("/v1/consent", { headers: bearer(key) })).status).toBe(400);
  });
});

describe("cookieless mode", () => {
  it("stores nothing that identifies the device, and recognises a visitor within one day", async () => {
    const project = newProject("cookieless");
    const key = await newKey({ project, settings: { consentRegime: "opt-in", whenAnalyticsDenied: "cookieless" } });
    const from = (agent: string) => ({ ...bearer(key), "User-Agent": agent, "CF-Connecting-IP": "203.0.113.77" });
    const event = () =>
      goodEvent({
        anonymousId: "canary-device",
        userId: "canary-user",
        properties: { plan: "pro" },
        context: { device: { id: "canary-hardware" }, traits: { name: "canary-name" }, page: { path: "/p" } },
      });
    const sent = [event(), event(), event()];
    for (const [index, agent] of ["one", "one", "two"].entries()) {
      const answer = await send("/v1/track", { body: sent[index] as object, headers: from(agent) });
      expect(answer.body).toMatchObject({ accepted: 1 });
    }
    const arrived = await untilArrived(
      project,
      sent.map(({ messageId }) => messageId),
    );
    const stored = sent.map(({ messageId }) => arrived.get(messageId) as Record<string, unknown>);
    expect(JSON.stringify(stored)).not.toContain("canary");
    expect(stored[0]).toMatchObject({
      event: "Tested",
      properties: { plan: "pro" },
      context: { page: { path: "/p" } },
    });
    expect(stored[0]?.anonymousId).toMatch(/^cookieless-[0-9a-f]{32}$/);
    expect(stored[1]?.anonymousId).toBe(stored[0]?.anonymousId);
    expect(stored[2]?.anonymousId).not.toBe(stored[0]?.anonymousId);
  });
});
