// Tests which consent applies to which id. A grant for a device is never a grant for a user, even with a crafted id. An event is
// judged by every id that it names. docs/API_DOCUMENTATION.md#consent.

import { describe, expect, it } from "vitest";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { collidingId } from "../ledger/murmur.ts";

const DENIED = { analytics: "denied" };
const GRANT = { analytics: "granted", advertising: "granted" };

async function say(key: string, body: object) {
  return send("/v1/consent", { body: { method: "banner", ...body }, headers: bearer(key) });
}

async function track(key: string, event: Record<string, unknown>, path = "/v1/track") {
  return (await send(path, { body: goodEvent(event), headers: bearer(key) })).body;
}

async function keysOf(name: string, shards = 1) {
  const project = newProject(name);
  return { key: await newKey({ project, shards }), secret: await newKey({ project, kind: "secret", shards }) };
}

describe("a grant by a public key", () => {
  it.each([1, 4, 16])(
    "of a device whose id collides with a user's changes nothing for the user (%i shards)",
    async (shards) => {
      const { key, secret } = await keysOf("collision", shards);
      const user = "jane-4711";
      expect((await say(secret, { userId: user, purposes: DENIED })).status).toBe(200);
      const device = collidingId(`userId:${user}`, "anonymousId:");
      expect((await say(key, { userId: user, purposes: GRANT })).status).toBe(403);
      expect((await say(key, { anonymousId: device, purposes: GRANT })).status).toBe(200);
      expect(await track(key, { userId: user })).toMatchObject({ accepted: 0, suppressed: 1 });
      expect(await track(key, { userId: user, anonymousId: device })).toMatchObject({ suppressed: 1 });
      const state = await send(`/v1/consent?userId=${user}`, { headers: bearer(secret) });
      expect(state.body.data).toMatchObject({ purposes: DENIED, history: [{ purposes: DENIED }] });
    },
  );

  it("of a device named like the user, or like the ledger's own words, is another id", async () => {
    const { key, secret } = await keysOf("names");
    await say(secret, { userId: "u", purposes: DENIED });
    for (const anonymousId of ["u", "userId:u", "2u", "\u{2}u".slice(1)]) {
      expect((await say(key, { anonymousId, purposes: GRANT })).status).toBe(200);
    }
    expect(await track(key, { userId: "u" })).toMatchObject({ suppressed: 1 });
  });
});

describe("an event is judged by every id it names", () => {
  it("what an alias leaves, as a user and as a device", async () => {
    const { key, secret } = await keysOf("alias");
    await say(secret, { userId: "old-user", purposes: DENIED });
    await say(key, { anonymousId: "old-device", purposes: DENIED });
    const alias = (previousId: string) =>
      track(key, { type: "alias", userId: "new-user", previousId, event: undefined }, "/v1/alias");
    expect(await alias("old-user")).toMatchObject({ accepted: 0, suppressed: 1 });
    expect(await alias("old-device")).toMatchObject({ accepted: 0, suppressed: 1 });
    expect(await alias("somebody-else")).toMatchObject({ accepted: 1 });
  });

  it("the group", async () => {
    const { key, secret } = await keysOf("group");
    await say(secret, { userId: "org-1", purposes: DENIED });
    const group = (groupId: string) => track(key, { type: "group", groupId, event: undefined }, "/v1/group");
    expect(await group("org-1")).toMatchObject({ accepted: 0, suppressed: 1 });
    expect(await group("org-2")).toMatchObject({ accepted: 1 });
  });

  it("of a cookieless project as well: what is stored no more is still judged", async () => {
    const project = newProject("alias-cookieless");
    const settings = { consentRegime: "opt-out", whenAnalyticsDenied: "cookieless" } as const;
    const key = await newKey({ project, settings });
    await say(key, { anonymousId: "other", purposes: GRANT });
    await say(key, { userId: "old-user", purposes: { ...DENIED, advertising: "denied" } });
    expect(await track(key, { type: "alias", userId: "new", previousId: "old-user" }, "/v1/alias")).toMatchObject({
      accepted: 1,
    });
  });

  it("a number is the same id in an event and in a record, of any size", async () => {
    for (const number of ["7", "1.5", "9007199254740991", "12345678901234567891", "1e400", "-0", "1e21"]) {
      const { key, secret } = await keysOf("numbers");
      const post = (path: string, body: string, as: string) => send(path, { body, headers: bearer(as) });
      const said = await post(
        "/v1/consent",
        `{"userId":${number},"purposes":{"analytics":"denied"},"method":"m"}`,
        secret,
      );
      expect(said.status, number).toBe(200);
      const event = `{"userId":${number},"anonymousId":"d","event":"Tested"}`;
      expect((await post("/v1/track", event, key)).body, number).toMatchObject({ accepted: 0, suppressed: 1 });
    }
  });
});
