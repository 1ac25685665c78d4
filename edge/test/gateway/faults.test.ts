// Tests faults of the server. For any fault, the answer is a 503 that a browser can read and that is safe to retry.

import { env } from "cloudflare:workers";
import { generateKey, hashKey, keyRecordName } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { page } from "../../src/gateway/pages.ts";
import { bearer, expectCors, fetchEdge, goodEvent, ORIGIN, send } from "../client.ts";
import { expectAnswer } from "../collect/table.ts";
import { keyRecord, newKey, newProject, putRecord } from "../keys.ts";
import { scriptAnswer } from "../servers/backend/scripted.ts";

afterEach(() => vi.restoreAllMocks());

/** A key whose record in KV is broken, while the control plane does not answer either. */
async function brokenKey(): Promise<string> {
  const key = generateKey("secret", "live");
  await env.KEYS.put(keyRecordName(hashKey(key)), '{"id":"k');
  await scriptAnswer({ path: `/internal/keys/${hashKey(key)}`, status: 502, body: {} });
  return key;
}

describe("an unexpected fault", () => {
  it.each(["/v1/track", "/v1/batch", "/v1/beacon", "/v1/consent"])(
    "on the way of POST %s is a 503, and the same request is taken once it is mended",
    async (path) => {
      vi.spyOn(console, "error").mockImplementation(() => {});
      const key = await brokenKey();
      const event = goodEvent({ writeKey: key });
      const bodies: Record<string, object> = {
        "/v1/batch": { writeKey: key, batch: [goodEvent()] },
        "/v1/consent": { writeKey: key, anonymousId: "a", purposes: { analytics: "denied" }, method: "banner" },
      };
      const body = bodies[path] ?? event;
      const refused = await send(path, { body });
      expectAnswer(refused, { status: 503, code: "unavailable" });
      await putRecord(key, keyRecord({ project: newProject("mended"), kind: "secret" }));
      expect((await send(path, { body })).status).toBe(200);
    },
  );

  it.each(["/v1/events", "/v1/query/trend", "/v1/session", "/v1/consent?anonymousId=a"])(
    "on the way of %s is a 503 too",
    async (path) => {
      vi.spyOn(console, "error").mockImplementation(() => {});
      const method = path === "/v1/session" ? "POST" : "GET";
      const answer = await send(path, { method, headers: bearer(await brokenKey()) });
      expectAnswer(answer, { status: 503, code: "unavailable" });
    },
  );

  it("of the platform that serves the pages is answered in our format", async () => {
    const broken = {
      ...env,
      ASSETS: { fetch: async () => new Response("oops", { status: 500 }) } as unknown as Fetcher,
    };
    expect(await page(new Request(`${ORIGIN}/`), broken, "r")).toMatchObject({ code: "unavailable" });
  });

  it("is logged with the request's id and without the key", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const key = await newKey({ project: newProject("unforeseen"), kind: "secret" });
    vi.spyOn(crypto.subtle, "importKey").mockRejectedValueOnce(new RangeError("nobody foresaw this"));
    const response = await fetchEdge("/v1/session", { method: "POST", headers: bearer(key) });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "unavailable" });
    const text = logged.mock.calls.flat().join("\n");
    expect(text).toContain("nobody foresaw this");
    expect(text).toContain(response.headers.get("X-Request-Id") as string);
    expect(text).not.toContain(key);
  });
});

describe("an unknown path", () => {
  const PATHS = [
    "/%",
    "/%E0%A4%A",
    "/%00",
    "/..%2f..%2fetc",
    "/v1/events/%E0%A4%A",
    "/v1/projects/%/settings",
    "/a\\b",
  ];

  it.each(PATHS)("GET, HEAD and OPTIONS %s can be read by a page", async (path) => {
    const key = await newKey({ project: newProject("odd"), kind: "secret" });
    for (const method of ["GET", "HEAD", "OPTIONS", "POST", "DELETE"]) {
      const response = await fetchEdge(path, { method, headers: bearer(key) });
      expectCors(response.headers);
      expect(response.headers.get("X-Request-Id")).not.toBeNull();
      expect(response.status, `${method} ${path}`).toBeLessThan(500);
      await response.body?.cancel();
    }
  });

  it("a preflight allows every method that a call has", async () => {
    const response = await fetchEdge("/v1/admin/tracking-plan", {
      method: "OPTIONS",
      headers: { Origin: "https://a.test" },
    });
    expect(response.headers.get("Access-Control-Allow-Methods")?.split(", ")).toEqual(
      expect.arrayContaining(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    );
  });
});
