// The dashboard's session: a secret key in, a cookie out, of use only from our own pages. API.md §2.

import { generateKey, LIMITS } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { expectAnswer, useTable } from "../answers/table.ts";
import type { ReceivedCall } from "../backend/server.ts";
import { type Answer, bearer, ORIGIN, send } from "../client.ts";
import { keyRecord, putRecord } from "../keys.ts";

const table = useTable("session");
const SAME_ORIGIN = { "Sec-Fetch-Site": "same-origin" };

afterEach(() => vi.useRealTimers());

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
  it("gives a cookie no script and no other site can use, and no secret", async () => {
    const answer = await send("/v1/session", {
      method: "POST",
      headers: { ...bearer(table.secretKey), Origin: ORIGIN },
    });
    const setCookie = answer.headers.get("Set-Cookie") ?? "";
    const attributes = setCookie.split("; ").slice(1);
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
      name: "another page",
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
  it("reads as the key does, by our own origin or a same-origin request", async () => {
    const cookie = await signIn();
    for (const headers of [SAME_ORIGIN, { Origin: ORIGIN }, { Origin: ORIGIN, "Sec-Fetch-Site": "same-origin" }]) {
      const answer = await read(cookie, headers);
      expect(answer.status).toBe(200);
      expect((answer.body.data as ReceivedCall).headers["x-project"]).toBe(table.project);
    }
  });

  it("is found among others", async () => {
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
    { name: "no word of where it comes from", headers: {} },
    { name: "a foreign origin that claims to be ours", headers: { Origin: "https://evil.test", ...SAME_ORIGIN } },
  ])("is of no use from $name", async ({ headers }) => {
    expectAnswer(await read(await signIn(), headers), {
      status: 403,
      code: "origin_not_allowed",
    });
  });

  it.each([
    { name: "another hash", change: (t: string[]) => ["0".repeat(64), t[1], t[2]] },
    { name: "a longer life", change: (t: string[]) => [t[0], String(Number(t[1]) + 1), t[2]] },
    { name: "another signature", change: (t: string[]) => [t[0], t[1], "A".repeat(43)] },
    { name: "no signature", change: (t: string[]) => [t[0], t[1]] },
    { name: "an empty signature", change: (t: string[]) => [t[0], t[1], ""] },
    { name: "a part more", change: (t: string[]) => [`${t[0]}.${t[1]}`, t[2], "x"] },
    { name: "nothing but nonsense", change: () => ["constructor"] },
  ])("with $name is refused", async ({ change }) => {
    const token = (await signIn()).slice("session=".length);
    const answer = await read(`session=${change(token.split(".")).join(".")}`);
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
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + LIMITS.keyCacheMs + 1 });
    expectAnswer(await read(cookie), { status: 401, code: "invalid_api_key" });
  });

  it("has no more scopes than its key", async () => {
    const cookie = await signIn(await table.newKey({ kind: "secret", scopes: ["read"] }));
    const answer = await send("/v1/admin/keys", { headers: { Cookie: cookie, ...SAME_ORIGIN } });
    expectAnswer(answer, { status: 403, code: "insufficient_scope" });
  });

  it("writes no events", async () => {
    const headers = { Cookie: await signIn(), ...SAME_ORIGIN };
    const answer = await send("/v1/track", { headers, body: { event: "e", userId: "u" } });
    expectAnswer(answer, { status: 401, code: "missing_api_key" });
  });

  it("is taken back by DELETE, also without one", async () => {
    for (const headers of [{ Cookie: await signIn() }, {}]) {
      const answer = await send("/v1/session", { method: "DELETE", headers: headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("Set-Cookie")).toMatch(/^session=; .*Max-Age=0/);
    }
  });
});
