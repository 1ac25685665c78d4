// Tests refused requests on the live tail. A refusal is sent with its code if a key names the project, without any content of the
// request, and it costs nothing while nobody watches.

import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { LIMITS } from "@behaviour/contract";
import { afterEach, describe, expect, it } from "vitest";
import type { RefusedMessage } from "../../src/live/message.ts";
import { bearer, fetchEdge, goodEvent, type SendOptions, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { Watching } from "./watching.ts";

const opened: Watching[] = [];
afterEach(() => {
  for (const watching of opened.splice(0)) watching.close();
});

/** A project with a watcher. */
async function watched(change: Parameters<typeof newKey>[0] | Record<string, never> = {}) {
  const project = newProject("refused");
  const key = await newKey({ ...change, project });
  const watching = await Watching.open(bearer(await newKey({ project, kind: "secret" })));
  opened.push(watching);
  return { project, key, watching };
}

const CANARY = "ada@example.com";

describe("a watcher receives the refusal", () => {
  const big = "x".repeat(LIMITS.bodyBytes);
  it.each<{ name: string; path?: string; options: SendOptions; code: string; key?: Record<string, unknown> }>([
    { name: "a body that is no JSON", options: { body: `{"email":"${CANARY}"` }, code: "invalid_json" },
    { name: "a batch that is none", path: "/v1/batch", options: { body: { batch: CANARY } }, code: "invalid_payload" },
    { name: "an empty batch", path: "/v1/batch", options: { body: { batch: [] } }, code: "empty_batch" },
    { name: "a body that is too large", options: { body: { big } }, code: "payload_too_large" },
    {
      name: "an encoding that is not taken",
      options: { body: {}, headers: { "Content-Encoding": "br" } },
      code: "unsupported_encoding",
    },
    {
      name: "a page of another origin",
      options: { body: goodEvent({ userId: CANARY }), headers: { Origin: "https://evil.test" } },
      key: { origins: ["https://shop.test"] },
      code: "origin_not_allowed",
    },
    { name: "an address", options: { body: {} }, key: { cidrs: ["192.0.2.0/24"] }, code: "ip_not_allowed" },
    { name: "a scope", options: { body: goodEvent() }, key: { scopes: ["consent"] }, code: "insufficient_scope" },
    { name: "a revoked key", options: { body: goodEvent() }, key: { revokedAt: 1 }, code: "invalid_api_key" },
    { name: "an expired key", options: { body: goodEvent() }, key: { notAfter: 1 }, code: "invalid_api_key" },
    {
      name: "a consent that says nothing",
      path: "/v1/consent",
      options: { body: { userId: CANARY, purposes: {} } },
      code: "invalid_parameter",
    },
  ])("of $name", async ({ path = "/v1/track", options, code, key: change = {} }) => {
    const { key, watching } = await watched(change as never);
    const headers = { ...bearer(key), ...options.headers };
    const answer = await send(`${path}?email=${CANARY}`, { ...options, headers });
    expect(answer.body.code).toBe(code);
    const [message] = (await watching.toHave(1)) as [RefusedMessage];
    expect(message).toMatchObject({
      type: "refused",
      path,
      requestId: answer.headers.get("X-Request-Id"),
      code,
      message: answer.body.message,
    });
    expect(Date.parse(message.at)).not.toBeNaN();
    const text = JSON.stringify(watching.messages);
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain(key);
    expect(text).not.toContain("evil.test");
  });

  it("of a rate that is exceeded, by a key in the body too", async () => {
    const { key, watching } = await watched({ rateLimit: 1 } as never);
    await send("/v1/batch", { body: { writeKey: key, batch: [goodEvent(), goodEvent(), goodEvent()] } });
    expect((await send("/v1/track", { body: goodEvent({ writeKey: key }) })).status).toBe(429);
    await watching.toHave(4);
    expect(watching.messages).toContainEqual(expect.objectContaining({ type: "refused", code: "rate_limited" }));
  });

  it("of a pixel, whose response can't contain it", async () => {
    const { key, watching } = await watched({ scopes: ["consent"] } as never);
    const data = btoa(JSON.stringify(goodEvent({ writeKey: key })));
    expect((await fetchEdge(`/v1/pixel.gif?data=${encodeURIComponent(data)}`, {})).status).toBe(200);
    const [message] = await watching.toHave(1);
    expect(message).toMatchObject({ type: "refused", path: "/v1/pixel.gif", code: "insufficient_scope" });
  });

  it("of settings that are asked for with an expired key, which is not shown", async () => {
    const { key, watching } = await watched({ notAfter: 1 } as never);
    expect((await send(`/v1/projects/${key}/settings`)).status).toBe(401);
    const [message] = await watching.toHave(1);
    expect(message).toMatchObject({ type: "refused", path: "/v1/projects/<writeKey>/settings" });
    expect(JSON.stringify(message)).not.toContain(key);
  });

  it("of each of many concurrent requests", async () => {
    const { key, watching } = await watched();
    await Promise.all(Array.from({ length: 10 }, () => send("/v1/track", { headers: bearer(key), body: "{" })));
    const messages = await watching.toHave(10);
    expect(new Set(messages.map((message) => (message as RefusedMessage).requestId)).size).toBe(10);
  });
});

it("sends no refusals of another project or of no project", async () => {
  const [mine, other] = await Promise.all([watched(), watched()]);
  await send("/v1/track", { headers: bearer(other.key), body: "{" });
  await send("/v1/track", { body: "{" });
  await other.watching.toHave(1);
  await send("/v1/track", { headers: bearer(mine.key), body: "" as never, method: "POST" });
  expect(await mine.watching.toHave(1)).toMatchObject([{ type: "refused", code: "empty_body" }]);
});

it("creates no live tail without watchers", async () => {
  const project = newProject("unwatched");
  const key = await newKey({ project });
  for (let i = 0; i < 5; i++) await send("/v1/track", { headers: bearer(key), body: "{" });
  const made = await listDurableObjectIds(env.LIVE);
  expect(made.some((id) => id.equals(env.LIVE.idFromName(project)))).toBe(false);
});
