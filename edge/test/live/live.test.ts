// The live tail through its public door: who may watch, what is told, and what never is.

import { env } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { hashKey } from "@behaviour/contract";
import { afterEach, expect, it } from "vitest";
import { bearer, fetchEdge, goodEvent, ORIGIN, send } from "../client.ts";
import { keyRecord, newKey, newProject, putRecord } from "../keys.ts";
import { Watching } from "./watching.ts";

const opened: Watching[] = [];

afterEach(() => {
  for (const watching of opened.splice(0)) watching.close();
});

async function watch(headers: Record<string, string>): Promise<Watching> {
  const watching = await Watching.open(headers);
  opened.push(watching);
  return watching;
}

async function newProjectWithKeys(settings: Record<string, unknown> = { consentRegime: "opt-out" }) {
  const project = newProject("live");
  const [publicKey, secretKey] = await Promise.all([
    newKey({ project, settings }),
    newKey({ project, settings, kind: "secret" }),
  ]);
  return { project, publicKey, secretKey };
}

function liveTail(project: string) {
  return env.LIVE.get(env.LIVE.idFromName(project));
}

it("tells every event as it is stored, the very first of a project too", async () => {
  const { publicKey, secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  const event = goodEvent({ properties: { note: "write to ada@example.com" }, context: { ip: "203.0.113.9", locale: "de" } });
  await send("/v1/track", { body: { ...event, type: undefined, writeKey: publicKey } });
  const [message] = await watching.toHave(1);
  expect(message).toMatchObject({
    type: "event",
    outcome: "accepted",
    consent: "accept",
    event: { type: "track", event: "Tested", messageId: event.messageId, anonymousId: "device-1" },
  });
  const text = JSON.stringify(message);
  expect(text).not.toContain("ada@example.com");
  expect(text).not.toContain("203.0.113.9");
  expect(text).not.toContain(publicKey);
  expect(text).toContain('"locale":"de"');
});

it("tells rejects with their codes, duplicates, and repeats within a request", async () => {
  const { publicKey, secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  const event = goodEvent();
  await send("/v1/batch", { headers: bearer(publicKey), body: { batch: [event, event, { type: "track", userId: "u" }] } });
  await watching.toHave(3);
  await send("/v1/track", { headers: bearer(publicKey), body: event });
  await send("/v1/track", { headers: bearer(publicKey), body: { event: "Nobody's", messageId: "lonely" } });
  const messages = await watching.toHave(5);
  expect(messages.map((message) => message.type === "event" && message.outcome).sort()).toEqual(
    ["accepted", "duplicate", "duplicate", "rejected", "rejected"],
  );
  expect(messages).toContainEqual(expect.objectContaining({ code: "missing_field", pointer: "/event" }));
  expect(messages).toContainEqual(expect.objectContaining({ code: "missing_identity", event: { messageId: "lonely" } }));
  for (const message of messages) {
    if (message.type === "event" && message.outcome === "duplicate") {
      expect(message.event).toEqual({ messageId: event.messageId, type: "track" });
    }
  }
});

it("tells of a dropped event only that one was dropped", async () => {
  const { publicKey, secretKey } = await newProjectWithKeys({ consentRegime: "opt-in" });
  const watching = await watch(bearer(secretKey));
  const event = goodEvent({ anonymousId: "canary-device", properties: { secret: "canary-value" } });
  const { body } = await send("/v1/track", { headers: bearer(publicKey), body: event });
  expect(body.suppressed).toBe(1);
  const [message] = await watching.toHave(1);
  expect(message).toMatchObject({ type: "event", outcome: "suppressed", code: expect.stringContaining("analytics") });
  expect(JSON.stringify(message)).not.toMatch(/canary|good-/);
});

it("tells nobody of another project's events", async () => {
  const [mine, other] = await Promise.all([newProjectWithKeys(), newProjectWithKeys()]);
  const watching = await watch(bearer(mine.secretKey));
  await send("/v1/track", { headers: bearer(other.publicKey), body: goodEvent({ event: "Theirs" }) });
  await send("/v1/track", { headers: bearer(mine.publicKey), body: goodEvent({ event: "Mine" }) });
  await watching.toHave(1);
  expect(watching.messages).toHaveLength(1);
  expect(JSON.stringify(watching.messages)).not.toContain("Theirs");
});

it("is asked for nothing when nobody watches, and no more once the last has left", async () => {
  const { project, publicKey, secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  watching.close();
  await expect.poll(() => liveTail(project).watchers()).toBe(0);
  await send("/v1/track", { headers: bearer(publicKey), body: goodEvent() });
  expect(await liveTail(project).published()).toBe(0);
});

it("is opened by a secret key or the dashboard's session, as a WebSocket only", async () => {
  const { publicKey, secretKey } = await newProjectWithKeys();
  expect(await send("/v1/live", { headers: bearer(secretKey) })).toMatchObject({ status: 426, body: { code: "upgrade_required" } });
  expect((await send("/v1/live", { method: "POST", body: {}, headers: bearer(secretKey) })).status).toBe(405);
  const upgrade = { Upgrade: "websocket" };
  expect(await send("/v1/live", { headers: upgrade })).toMatchObject({ status: 401 });
  expect(await send("/v1/live", { headers: { ...upgrade, ...bearer(publicKey) } })).toMatchObject({ status: 403 });
  const foreign = { ...upgrade, ...bearer(secretKey), Origin: "https://evil.example" };
  expect(await send("/v1/live", { headers: foreign })).toMatchObject({ body: { code: "secret_key_in_browser" } });

  const session = await fetchEdge("/v1/session", { method: "POST", headers: bearer(secretKey), body: {} });
  const cookie = (session.headers.get("Set-Cookie") as string).split(";")[0] as string;
  await watch({ Cookie: cookie, Origin: ORIGIN });
  const stolen = { ...upgrade, Cookie: cookie, Origin: "https://evil.example" };
  expect(await send("/v1/live", { headers: stolen })).toMatchObject({ body: { code: "origin_not_allowed" } });
});

it("ends a watcher whose key was revoked", async () => {
  const { project } = await newProjectWithKeys();
  const record = keyRecord({ project, kind: "secret" });
  const secretKey = await newKey(record);
  const watching = await watch(bearer(secretKey));
  await putRecord(secretKey, { ...record, revokedAt: Date.now() - 1 });
  // What the isolate remembers of a key it believes for three seconds, so the second look at the latest finds out.
  await expect
    .poll(
      async () => {
        await runDurableObjectAlarm(liveTail(project));
        return watching.closed?.code;
      },
      { timeout: 8_000, interval: 500 },
    )
    .toBe(1008);
  expect(hashKey(secretKey)).toHaveLength(64);
});

it("answers a ping without waking", async () => {
  const { secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  const answered = new Promise((resolve) => watching.socket.addEventListener("message", ({ data }) => resolve(data)));
  watching.socket.send("ping");
  expect(await answered).toBe("pong");
});
