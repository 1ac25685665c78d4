// Tests the live tail through the public API: who may watch, which messages are sent, and which data is never sent.

import { listDurableObjectIds, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { hashKey, keyRecordName, LIMITS } from "@behaviour/contract";
import { afterEach, expect, it, vi } from "vitest";
import { LiveTail } from "../../src/live/live-tail.ts";
import { shardName } from "../../src/placement/shard-name.ts";
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

it("sends every event when it is stored, including the first of a project", async () => {
  const { publicKey, secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  const event = goodEvent({
    properties: { note: "write to ada@example.com" },
    context: { ip: "203.0.113.9", locale: "de" },
  });
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

it("sends rejections with their codes, duplicates, and repetitions within a request", async () => {
  const { publicKey, secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  const event = goodEvent();
  await send("/v1/batch", {
    headers: bearer(publicKey),
    body: { batch: [event, event, { type: "track", userId: "u" }] },
  });
  await watching.toHave(3);
  await send("/v1/track", { headers: bearer(publicKey), body: event });
  await send("/v1/track", { headers: bearer(publicKey), body: { event: "Nobody's", messageId: "lonely" } });
  const messages = await watching.toHave(5);
  const outcomes = messages.map((message) => (message.type === "event" ? message.outcome : message.type));
  expect(outcomes.toSorted((a, b) => a.localeCompare(b))).toEqual([
    "accepted",
    "duplicate",
    "duplicate",
    "rejected",
    "rejected",
  ]);
  expect(messages).toContainEqual(expect.objectContaining({ code: "missing_field", pointer: "/event" }));
  expect(messages).toContainEqual(
    expect.objectContaining({ code: "missing_identity", event: { messageId: "lonely" } }),
  );
  for (const message of messages) {
    if (message.type === "event" && message.outcome === "duplicate") {
      expect(message.event).toEqual({ messageId: event.messageId, type: "track" });
    }
  }
});

it("sends only the fact that an event was dropped", async () => {
  const { publicKey, secretKey } = await newProjectWithKeys({ consentRegime: "opt-in" });
  const watching = await watch(bearer(secretKey));
  const event = goodEvent({ anonymousId: "canary-device", properties: { secret: "canary-value" } });
  const { body } = await send("/v1/track", { headers: bearer(publicKey), body: event });
  expect(body.suppressed).toBe(1);
  const [message] = await watching.toHave(1);
  expect(message).toMatchObject({ type: "event", outcome: "suppressed", code: expect.stringContaining("analytics") });
  expect(JSON.stringify(message)).not.toMatch(/canary|good-/);
});

it("sends no events of another project", async () => {
  const [mine, other] = await Promise.all([newProjectWithKeys(), newProjectWithKeys()]);
  const watching = await watch(bearer(mine.secretKey));
  await send("/v1/track", { headers: bearer(other.publicKey), body: goodEvent({ event: "Theirs" }) });
  await send("/v1/track", { headers: bearer(mine.publicKey), body: goodEvent({ event: "Mine" }) });
  await watching.toHave(1);
  expect(watching.messages).toHaveLength(1);
  expect(JSON.stringify(watching.messages)).not.toContain("Theirs");
});

it("does not exist without watchers", async () => {
  const { project, publicKey } = await newProjectWithKeys();
  await send("/v1/batch", {
    headers: bearer(publicKey),
    body: { batch: [goodEvent(), { type: "track", userId: "u" }] },
  });
  await send("/v1/track", { headers: bearer(publicKey), body: { event: "Nobody's" } });
  expect(await shardIsWatched(project)).toBe(false);
  const made = await listDurableObjectIds(env.LIVE);
  expect(made.some((id) => id.equals(env.LIVE.idFromName(project)))).toBe(false);
});

it("costs nothing after the last watcher left", async () => {
  const { project, secretKey } = await newProjectWithKeys();
  const [first, second] = [await watch(bearer(secretKey)), await watch(bearer(secretKey))];
  first.close();
  expect(await shardIsWatched(project)).toBe(true);
  second.close();
  await expect.poll(() => shardIsWatched(project), { timeout: 5_000 }).toBe(false);
});

/** Whether the project is watched, according to the shard's answers. */
async function shardIsWatched(project: string): Promise<boolean> {
  const shard = env.SHARD.get(env.SHARD.idFromName(shardName(project, "na", 0)));
  const { watched } = await shard.report({ receivedAtMs: Date.now(), rejected: 0, repeated: 0, drops: [] });
  return watched;
}

it("is opened by a secret key or the dashboard's session, as a WebSocket only", async () => {
  const { publicKey, secretKey } = await newProjectWithKeys();
  expect(await send("/v1/live", { headers: bearer(secretKey) })).toMatchObject({
    status: 426,
    body: { code: "upgrade_required" },
  });
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
  // An isolate trusts its cached key for three seconds, so the second check at the latest notices the revocation.
  await expect
    .poll(
      async () => {
        await runDurableObjectAlarm(liveTail(project));
        return watching.closed?.code;
      },
      { timeout: 8_000, interval: 500 },
    )
    .toBe(1008);
});

it("closes a revoked key's sockets immediately on a push of the control plane", async () => {
  const { project } = await newProjectWithKeys();
  const record = keyRecord({ project, kind: "secret" });
  const secretKey = await newKey(record);
  const watching = await watch(bearer(secretKey));
  const name = keyRecordName(hashKey(secretKey));
  const body = { records: [{ name, value: { ...record, revokedAt: Date.now() } }] };
  const headers = { Authorization: `Bearer ${env.INTERNAL_SECRET}` };
  expect((await send("/internal/keys", { headers, body })).status).toBe(200);
  await expect.poll(() => watching.closed?.code, { timeout: 2_000 }).toBe(1008);
});

it("answers a ping without waking up", async () => {
  const { secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  const answered = new Promise((resolve) => watching.socket.addEventListener("message", ({ data }) => resolve(data)));
  watching.socket.send("ping");
  expect(await answered).toBe("pong");
});

it("omits messages that exceed a watcher's room, and sends their number", async () => {
  const { project, secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  const message = JSON.stringify({ type: "event", filler: "x".repeat(10_000) });
  for (let i = 0; i < 20; i++) await liveTail(project).publish(new Array<string>(10).fill(message), 0);
  const told = () => watching.messages.filter(({ type }) => type === "event").length;
  const dropped = () => watching.messages.reduce((sum, each) => sum + (each.type === "dropped" ? each.count : 0), 0);
  await expect
    .poll(
      async () => {
        await liveTail(project).publish([], 0);
        return told() + dropped();
      },
      { timeout: 10_000 },
    )
    .toBe(200);
  expect(dropped()).toBeGreaterThan(0);
});

it("of a busy project tells what there is room for and counts the rest, in few calls", {
  timeout: 60_000,
}, async () => {
  const { project, publicKey, secretKey } = await newProjectWithKeys();
  const watching = await watch(bearer(secretKey));
  const publish = vi.spyOn(LiveTail.prototype, "publish");
  await liveTail(project).publish([], 0);
  const requests = 40;
  const perRequest = 250;
  const started = Date.now();
  for (let i = 0; i < requests; i += 4) {
    const some = Array.from({ length: 4 }, () =>
      send("/v1/batch", {
        headers: bearer(publicKey),
        body: { batch: Array.from({ length: perRequest }, () => goodEvent()) },
      }),
    );
    for (const answer of await Promise.all(some)) expect(answer.body.accepted).toBe(perRequest);
  }
  const told = () => watching.messages.filter(({ type }) => type === "event").length;
  const dropped = () => watching.messages.reduce((sum, each) => sum + (each.type === "dropped" ? each.count : 0), 0);
  await expect
    .poll(
      async () => {
        await liveTail(project).publish([], 0);
        return told() + dropped();
      },
      { timeout: 20_000 },
    )
    .toBe(requests * perRequest);
  const built = publish.mock.calls.reduce((sum, [messages]) => sum + messages.length, 0);
  const seconds = (Date.now() - started) / 1_000;
  expect(built).toBeLessThanOrEqual(LIMITS.eventsPerRequest + seconds * LIMITS.liveEventsPerSecond);
});

it("divides one tail's room among many isolates", async () => {
  const { project, secretKey } = await newProjectWithKeys();
  await watch(bearer(secretKey));
  let pace = await liveTail(project).publish([], 0, "first");
  expect(pace.eventsPerSecond).toBe(LIMITS.liveEventsPerSecond);
  for (let i = 0; i < 199; i++) pace = await liveTail(project).publish([], 0, `isolate-${i}`);
  expect(pace.eventsPerSecond).toBe(LIMITS.liveEventsPerSecond / 200);
  expect(200 / (pace.gapMs / 1_000)).toBeLessThanOrEqual(500);
});

it("limits the memory of sockets that never read, without effect on events", { timeout: 60_000 }, async () => {
  const { project, publicKey, secretKey } = await newProjectWithKeys();
  // To the tail, each of these sockets is a client that stopped reading, because it never confirms a message.
  const silent = await Promise.all(Array.from({ length: 100 }, () => watch(bearer(secretKey))));
  const message = JSON.stringify({ type: "event", filler: "x".repeat(10_000) });
  for (let i = 0; i < 100; i++) await liveTail(project).publish(new Array<string>(10).fill(message), 0);
  await expect.poll(() => silent.filter(({ closed }) => closed?.code === 1013).length, { timeout: 20_000 }).toBe(100);
  const units = silent.reduce((sum, { messages }) => sum + JSON.stringify(messages).length, 0);
  expect(units).toBeLessThanOrEqual(LIMITS.liveTailBytes * 1.1);
  expect((await send("/v1/track", { headers: bearer(publicKey), body: goodEvent() })).body.accepted).toBe(1);
});
