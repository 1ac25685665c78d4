// Tests the dashboard's session: a secret key is exchanged for a cookie that only works from our own pages.
// docs/API_DOCUMENTATION.md#keys.

import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { generateKey, LIMITS, TUNINGS } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ENDED_PER_KEY_MAX, EndedSessions, endedSessions } from "../../src/access/ended-sessions.ts";
import { readSession, type Session } from "../../src/access/session-token.ts";
import { type Answer, bearer, fetchEdge, goodEvent, ORIGIN, send } from "../client.ts";
import { expectAnswer, useTable } from "../collect/table.ts";
import { keyRecord, putRecord } from "../keys.ts";
import { Watching } from "../live/watching.ts";
import type { ReceivedCall } from "../servers/backend/server.ts";

const table = useTable("session");
const SAME_ORIGIN = { "Sec-Fetch-Site": "same-origin" };
const OWN = { Origin: ORIGIN };
/** A cookie with another name is not a session, and no other host can set a cookie with this name. */
const NAME = "__Host-session";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function signIn(key = table.secretKey): Promise<string> {
  const answer = await send("/v1/session", { method: "POST", headers: bearer(key) });
  expect(answer.status).toBe(200);
  return cookieOf(answer);
}

function cookieOf(answer: Answer): string {
  return (answer.headers.get("Set-Cookie") ?? "").split(";")[0] as string;
}

function read(cookie: string, headers: Record<string, string> = SAME_ORIGIN): Promise<Answer> {
  return send("/v1/events", { headers: { Cookie: cookie, ...headers } });
}

describe("signing in", () => {
  it("returns a cookie without the secret that no script and no other site can use", async () => {
    const answer = await send("/v1/session", {
      method: "POST",
      headers: { ...bearer(table.secretKey), Origin: ORIGIN },
    });
    const setCookie = answer.headers.get("Set-Cookie") ?? "";
    const attributes = setCookie.split("; ").slice(1);
    expect(setCookie).toMatch(/^__Host-session=/);
    expect(setCookie).not.toContain("Domain");
    expect(attributes).toEqual(
      expect.arrayContaining(["HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=43200"]),
    );
    expect(setCookie).not.toContain(table.secretKey);
    expect(JSON.stringify(answer.body)).not.toContain(table.secretKey);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    expect(answer.body.data).toMatchObject({ project: table.project });
  });

  it.each([
    { name: "no key", headers: () => ({}), status: 401, code: "missing_api_key" },
    {
      name: "an unknown key",
      headers: () => bearer(generateKey("secret", "live")),
      status: 401,
      code: "invalid_api_key",
    },
    { name: "a public key", headers: () => bearer(table.publicKey), status: 403, code: "insufficient_scope" },
    {
      name: "a page of another origin",
      headers: () => ({ ...bearer(table.secretKey), Origin: "https://evil.test" }),
      status: 403,
      code: "secret_key_in_browser",
    },
  ] as const)("is refused with $name", async ({ headers, status, code }) => {
    const answer = await send("/v1/session", { method: "POST", headers: headers() });
    expectAnswer(answer, { status, code });
    expect(answer.headers.get("Set-Cookie")).toBeNull();
  });

  it("is refused without the scope to read", async () => {
    const key = await table.newKey({ kind: "secret", scopes: ["write"] });
    const answer = await send("/v1/session", { method: "POST", headers: bearer(key) });
    expectAnswer(answer, { status: 403, code: "insufficient_scope" });
  });
});

describe("the cookie", () => {
  it("allows the same reads as the key, from our own origin or a same-origin request", async () => {
    const cookie = await signIn();
    for (const headers of [SAME_ORIGIN, { Origin: ORIGIN }, { Origin: ORIGIN, "Sec-Fetch-Site": "same-origin" }]) {
      const answer = await read(cookie, headers);
      expect(answer.status).toBe(200);
      expect((answer.body.data as ReceivedCall).headers["x-project"]).toBe(table.project);
    }
  });

  it("is found among other cookies", async () => {
    expect((await read(`a=1; ${await signIn()}; b="x"; c`)).status).toBe(200);
  });

  it.each([
    { name: "another origin", headers: { Origin: "https://evil.test" } },
    { name: "origin null", headers: { Origin: "null" } },
    { name: "another port", headers: { Origin: `${ORIGIN}:8443` } },
    { name: "another scheme", headers: { Origin: ORIGIN.replace("https", "http") } },
    { name: "the same site", headers: { "Sec-Fetch-Site": "same-site" } },
    { name: "a link from elsewhere", headers: { "Sec-Fetch-Site": "cross-site" } },
    { name: "an address typed in", headers: { "Sec-Fetch-Site": "none" } },
    { name: "no header that names the origin", headers: {} },
    { name: "a foreign origin that claims to be ours", headers: { Origin: "https://evil.test", ...SAME_ORIGIN } },
  ])("is refused from $name", async ({ headers }) => {
    expectAnswer(await read(await signIn(), headers), {
      status: 403,
      code: "origin_not_allowed",
    });
  });

  it.each([
    { name: "another hash", change: (t: string[]) => ["0".repeat(64), t[1], t[2], t[3]] },
    { name: "a longer life", change: (t: string[]) => [t[0], String(Number(t[1]) + 1), t[2], t[3]] },
    { name: "another id", change: (t: string[]) => [t[0], t[1], "A".repeat(22), t[3]] },
    { name: "another signature", change: (t: string[]) => [t[0], t[1], t[2], "A".repeat(43)] },
    { name: "no signature", change: (t: string[]) => [t[0], t[1], t[2]] },
    { name: "no id, as made by the previous release", change: (t: string[]) => [t[0], t[1], t[3]] },
    { name: "an empty signature", change: (t: string[]) => [t[0], t[1], t[2], ""] },
    { name: "one more part", change: (t: string[]) => [...t, "x"] },
    { name: "an invalid text", change: () => ["constructor"] },
  ])("with $name is refused", async ({ change }) => {
    const token = (await signIn()).slice(`${NAME}=`.length);
    const answer = await read(`${NAME}=${change(token.split(".")).join(".")}`);
    expectAnswer(answer, { status: 401, code: "invalid_api_key" });
  });

  it("ends after 12 hours", async () => {
    const cookie = await signIn();
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: nowMs + LIMITS.sessionMs - 60_000 });
    expect((await read(cookie)).status).toBe(200);
    vi.setSystemTime(nowMs + LIMITS.sessionMs + 1);
    expectAnswer(await read(cookie), { status: 401, code: "invalid_api_key" });
  });

  it("ends with its key", async () => {
    const key = await table.newKey({ kind: "secret" });
    const cookie = await signIn(key);
    expect((await read(cookie)).status).toBe(200);
    await putRecord(key, keyRecord({ project: table.project, kind: "secret", revokedAt: 1 }));
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + TUNINGS.keyCacheMs + 1 });
    expectAnswer(await read(cookie), { status: 401, code: "invalid_api_key" });
  });

  it("has no more scopes than its key", async () => {
    const cookie = await signIn(await table.newKey({ kind: "secret", scopes: ["read"] }));
    const answer = await send("/v1/admin/keys", { headers: { Cookie: cookie, ...SAME_ORIGIN } });
    expectAnswer(answer, { status: 403, code: "insufficient_scope" });
  });

  it("that a sibling host set under the plain name is ignored", async () => {
    const token = (await signIn()).slice(`${NAME}=`.length);
    expectAnswer(await read(`session=${token}`), { status: 401, code: "missing_api_key" });
    // Beside our own cookie it changes nothing.
    expect((await read(`session=other; ${NAME}=${token}`)).status).toBe(200);
  });

  it("has no prefix over plain http, where browsers refuse the prefix", async () => {
    const http = ORIGIN.replace("https", "http");
    const ask = (init: RequestInit) => exports.default.fetch(new Request(`${http}/v1/session`, init));
    const answer = await ask({ method: "POST", headers: bearer(table.secretKey) });
    const setCookie = answer.headers.get("Set-Cookie") ?? "";
    expect(setCookie).toMatch(/^session=/);
    expect(setCookie).not.toContain("Secure");
    const headers = { Cookie: setCookie.split(";")[0] as string, ...SAME_ORIGIN };
    expect((await exports.default.fetch(new Request(`${http}/v1/events`, { headers }))).status).toBe(200);
  });
});

describe("a call with the cookie", () => {
  interface Call {
    method: string;
    path: string;
    body?: object;
  }
  const CALLS: Call[] = [
    { method: "GET", path: "/v1/events" },
    { method: "HEAD", path: "/v1/events" },
    { method: "GET", path: "/v1/consent?anonymousId=a" },
    { method: "GET", path: "/v1/admin/keys" },
    { method: "POST", path: "/v1/query/funnel", body: {} },
    { method: "POST", path: "/v1/failed-events/replay", body: {} },
    { method: "POST", path: "/v1/admin/keys", body: {} },
    { method: "PUT", path: "/v1/admin/tracking-plan", body: {} },
    { method: "PATCH", path: "/v1/admin/projects/p", body: {} },
    { method: "DELETE", path: "/v1/admin/keys/k" },
    { method: "POST", path: "/v1/track", body: { event: "e", userId: "u" } },
    { method: "POST", path: "/v1/batch", body: { batch: [{ type: "track", event: "e", userId: "u" }] } },
    { method: "POST", path: "/v1/consent", body: { userId: "u", purposes: { analytics: "denied" }, method: "banner" } },
    { method: "DELETE", path: "/v1/session" },
  ];
  const SOURCES: { name: string; headers: Record<string, string>; reads: number; changes: number }[] = [
    { name: "our own origin", headers: OWN, reads: 200, changes: 200 },
    { name: "our own origin, same-origin", headers: { ...OWN, ...SAME_ORIGIN }, reads: 200, changes: 200 },
    { name: "same-origin alone", headers: SAME_ORIGIN, reads: 200, changes: 403 },
    { name: "nothing", headers: {}, reads: 403, changes: 403 },
    { name: "a sibling host", headers: { Origin: "https://shop.edge.test" }, reads: 403, changes: 403 },
    { name: "the same site", headers: { "Sec-Fetch-Site": "same-site" }, reads: 403, changes: 403 },
    { name: "another port", headers: { Origin: `${ORIGIN}:8443` }, reads: 403, changes: 403 },
    { name: "plain http", headers: { Origin: ORIGIN.replace("https", "http") }, reads: 403, changes: 403 },
    { name: "origin null", headers: { Origin: "null" }, reads: 403, changes: 403 },
    {
      name: "a foreign origin that says same-origin",
      headers: { Origin: "https://evil.test", ...SAME_ORIGIN },
      reads: 403,
      changes: 403,
    },
  ];
  const TABLE = CALLS.flatMap((call) => SOURCES.map((source) => ({ ...call, ...source })));

  it.each(TABLE)("$method $path from $name", async ({ method, path, body, headers, reads, changes }) => {
    const cookie = await signIn();
    const type = body === undefined ? {} : { "Content-Type": "application/json" };
    const options = { method, headers: { Cookie: cookie, ...type, ...headers }, body: body ?? null };
    const answer = await fetchEdge(path, options);
    const text = await answer.text();
    const isRead = method === "GET" || method === "HEAD";
    expect(answer.status).toBe(isRead ? reads : changes);
    if (answer.status === 403 && method !== "HEAD") {
      const foreign = "Origin" in headers || isRead;
      expect(JSON.parse(text)).toMatchObject({ code: foreign ? "origin_not_allowed" : "origin_required" });
    }
  });

  it("sends events to the project of its key, with that key's scopes", async () => {
    const headers = { Cookie: await signIn(), ...OWN };
    expect((await send("/v1/track", { headers, body: goodEvent() })).body).toMatchObject({ accepted: 1 });
    const reader = await signIn(await table.newKey({ kind: "secret", scopes: ["read"] }));
    const answer = await send("/v1/track", { headers: { Cookie: reader, ...OWN }, body: goodEvent() });
    expectAnswer(answer, { status: 403, code: "insufficient_scope" });
  });

  it("uses the key that it also contains, in a header or in the body", async () => {
    const headers = { Cookie: `${NAME}=nonsense` };
    const body = goodEvent({ writeKey: table.publicKey });
    expect((await send("/v1/track", { headers, body })).body).toMatchObject({ accepted: 1 });
    const both = { ...headers, ...bearer(table.secretKey) };
    expect((await send("/v1/events", { headers: both })).status).toBe(200);
  });
});

describe("signing out", () => {
  const signOut = (headers: Record<string, string>) => send("/v1/session", { method: "DELETE", headers });

  it("ends the session immediately, and no other session of the same key", async () => {
    const [mine, other] = [await signIn(), await signIn()];
    const answer = await signOut({ Cookie: mine, ...OWN });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Set-Cookie")).toMatch(/^__Host-session=; .*Max-Age=0.*; Secure$/);
    expectAnswer(await read(mine), { status: 401, code: "invalid_api_key" });
    expect((await read(other)).status).toBe(200);
  });

  it("ends the session within 5 s in an isolate that cached it as valid", async () => {
    const cookie = await signIn();
    expect((await read(cookie)).status).toBe(200);
    // The sign-out as another isolate performs it.
    const session = await sessionOf(cookie);
    await endedSessions(env, session).end(session);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + TUNINGS.sessionCacheMs + 1 });
    expectAnswer(await read(cookie), { status: 401, code: "invalid_api_key" });
  });

  it("is known after a loss of memory, until the session's own end", async () => {
    const cookie = await signIn();
    const session = await sessionOf(cookie);
    await signOut({ Cookie: cookie, ...OWN });
    await abortAllDurableObjects();
    expect(await endedSessions(env, session).isEnded(session)).toBe(true);
    vi.useFakeTimers({ toFake: ["Date"], now: session.expiresAtMs + 1 });
    await endedSessions(env, session).end({
      ...session,
      id: "B".repeat(22),
      expiresAtMs: session.expiresAtMs + 60_000,
    });
    const left = await runInDurableObject(endedSessions(env, session), (_object, { storage }) =>
      storage.sql.exec("SELECT session FROM ended WHERE key_hash = ?", session.keyHash).toArray(),
    );
    expect(left).toEqual([{ session: "B".repeat(22) }]);
  });

  it.each([
    { name: "no cookie", headers: {} },
    { name: "no cookie, from our own page", headers: OWN },
    { name: "an invalid cookie", headers: { Cookie: `${NAME}=nonsense`, ...OWN } },
  ])("with $name has no effect", async ({ headers }) => {
    expect((await signOut(headers as Record<string, string>)).status).toBe(200);
  });

  it("may be repeated", async () => {
    const cookie = await signIn();
    for (let time = 0; time < 2; time++) expect((await signOut({ Cookie: cookie, ...OWN })).status).toBe(200);
    expectAnswer(await read(cookie), { status: 401, code: "invalid_api_key" });
  });

  it("from another origin has no effect", async () => {
    const cookie = await signIn();
    for (const headers of [{ Origin: "https://evil.test" }, SAME_ORIGIN, {}] as Record<string, string>[]) {
      expect((await signOut({ Cookie: cookie, ...headers })).status).toBe(403);
    }
    expect((await read(cookie)).status).toBe(200);
  });

  it("that can't be stored is a 503, and the cookie is kept for a retry", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const cookie = await signIn();
    vi.spyOn(EndedSessions.prototype, "end").mockRejectedValueOnce(new Error("unreachable"));
    const answer = await signOut({ Cookie: cookie, ...OWN });
    expectAnswer(answer, { status: 503, code: "unavailable" });
    expect(answer.headers.get("Set-Cookie")).toBeNull();
    expect((await read(cookie)).status).toBe(200);
  });

  it("closes the session's own live sockets, and no others", async () => {
    const [mine, other] = [await signIn(), await signIn()];
    const [watching, stays] = [
      await Watching.open({ Cookie: mine, ...OWN }),
      await Watching.open({ Cookie: other, ...OWN }),
    ];
    await signOut({ Cookie: mine, ...OWN });
    await vi.waitFor(() => expect(watching.closed).toMatchObject({ code: 1008, reason: "the session has ended" }));
    expect(stays.closed).toBeNull();
    stays.close();
  });

  it("elsewhere closes the live sockets at the tail's next check", async () => {
    const cookie = await signIn();
    const session = await sessionOf(cookie);
    const watching = await Watching.open({ Cookie: cookie, ...OWN });
    await endedSessions(env, session).end(session);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + TUNINGS.sessionCacheMs + 1 });
    await runDurableObjectAlarm(env.LIVE.get(env.LIVE.idFromName(table.project)));
    await vi.waitFor(() => expect(watching.closed).toMatchObject({ code: 1008 }));
  });

  it("a thousand times fills no storage: beyond the limit all sessions of the key end", async () => {
    const kept = await sessionOf(await signIn(await table.newKey({ kind: "secret" })));
    const object = endedSessions(env, kept);
    for (let made = 0; made <= ENDED_PER_KEY_MAX; made++) {
      await object.end({ ...kept, id: String(made).padStart(22, "0") });
    }
    const rows = await runInDurableObject(object, (_object, { storage }) =>
      storage.sql.exec("SELECT 1 FROM ended WHERE key_hash = ?", kept.keyHash).toArray(),
    );
    expect(rows).toEqual([]);
    expect(await object.isEnded(kept)).toBe(true);
    const later = { ...kept, id: "L".repeat(22), expiresAtMs: kept.expiresAtMs + 60_000 };
    expect(await object.isEnded(later)).toBe(false);
    expect(await object.isEnded({ ...kept, keyHash: "f".repeat(64) })).toBe(false);
  });
});

async function sessionOf(cookie: string): Promise<Session> {
  const session = await readSession(cookie.slice(cookie.indexOf("=") + 1), env, Date.now());
  if (session === null) throw new Error("the cookie holds no session");
  return session;
}
