// Tests administration through its routes: what a key may change, what a response shows of a key, and what the edge receives.

import { hashKey, type KeyRecord, keyRecordName, parseKey } from "@behaviour/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createProject } from "../../src/projects/projects.ts";
import { openWarehouse, PROJECT, type Warehouse } from "../query/warehouse.ts";

let warehouse: Warehouse;
let tenant: string;
beforeAll(async () => {
  warehouse = await openWarehouse();
  await createProject(warehouse.parts.database, { name: "Operator", settings: { rateLimit: 500 } }, null, PROJECT);
  const { body } = await warehouse.send("POST", "/v1/admin/projects", { name: "Tenant" });
  tenant = body.data.id;
}, 60_000);
afterAll(() => warehouse.stop());
beforeEach(() => {
  warehouse.pushed.length = 0;
});

const makeKey = async (input: Record<string, unknown> = {}) => {
  const answer = await warehouse.send("POST", "/v1/admin/keys", { projectId: tenant, kind: "public", ...input });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body.data;
};
const recordOf = async (key: string) => {
  const response = await warehouse.app.request(`/internal/keys/${hashKey(key)}`);
  return { status: response.status, record: (await response.json()) as KeyRecord };
};

describe("projects", () => {
  it("are created, listed and changed", async () => {
    const made = await warehouse.send("POST", "/v1/admin/projects", {
      name: "Shop",
      settings: { consentRegime: "opt-in" },
    });
    expect([made.status, made.body.data]).toMatchObject([
      201,
      { name: "Shop", settings: { consentRegime: "opt-in" }, shards: 1 },
    ]);
    const path = `/v1/admin/projects/${made.body.data.id}`;
    const changed = await warehouse.send("PATCH", path, { settings: { own: { a: 1 }, consentRegime: null } });
    expect(changed.body.data).toMatchObject({ name: "Shop", settings: { own: { a: 1 } } });
    expect((await warehouse.get(path)).body.data.settings).toEqual({ own: { a: 1 } });
    const listed = await warehouse.get("/v1/admin/projects");
    expect(listed.body.data.map(({ id }: { id: string }) => id)).toEqual([PROJECT, tenant, made.body.data.id]);
  });

  it("of other owners look as if they did not exist", async () => {
    const asTenant = { "x-project": tenant };
    expect((await warehouse.get(`/v1/admin/projects/${PROJECT}`, asTenant)).status).toBe(404);
    expect((await warehouse.send("PATCH", `/v1/admin/projects/${PROJECT}`, { name: "Mine" }, asTenant)).status).toBe(
      404,
    );
    expect((await warehouse.get("/v1/admin/projects", asTenant)).body.data).toHaveLength(1);
    const key = await warehouse.send("POST", "/v1/admin/keys", { projectId: PROJECT, kind: "secret" }, asTenant);
    expect([key.status, key.body.pointer]).toEqual([400, "/projectId"]);
    const own = (await warehouse.send("POST", "/v1/admin/keys", { projectId: PROJECT, kind: "public" })).body.data;
    for (const [method, path] of [
      ["GET", `/v1/admin/keys/${own.id}`],
      ["DELETE", `/v1/admin/keys/${own.id}`],
      ["POST", `/v1/admin/keys/${own.id}/rotate`],
    ] as const) {
      expect((await warehouse.send(method, path, undefined, asTenant)).status).toBe(404);
    }
    expect((await warehouse.get(`/v1/admin/keys?projectId=${PROJECT}`, asTenant)).status).toBe(404);
  });

  it("do not change their owner by settings that a client sends", async () => {
    const made = await warehouse.send("POST", "/v1/admin/projects", { name: "X", settings: { $madeBy: tenant } });
    expect(made.body.data.settings).toEqual({});
    await warehouse.send("PATCH", `/v1/admin/projects/${made.body.data.id}`, { settings: { $madeBy: tenant } });
    expect((await warehouse.get(`/v1/admin/projects/${made.body.data.id}`, { "x-project": tenant })).status).toBe(404);
  });

  it("push their keys to the edge again when their number of shards changes", async () => {
    const key = await makeKey();
    warehouse.pushed.length = 0;
    const { body } = await warehouse.send("PATCH", `/v1/admin/projects/${tenant}`, { shards: 4 });
    expect(body).toMatchObject({ data: { shards: 4 }, propagated: true });
    expect(warehouse.pushed.find(({ name }) => name === keyRecordName(hashKey(key.key)))?.value?.shards).toBe(4);
  });
});

describe("keys", () => {
  it("have defaults by kind, are shown once, and reach the edge", async () => {
    const publicKey = await makeKey();
    expect(parseKey(publicKey.key)).toEqual({ kind: "public", environment: "live" });
    expect(publicKey).toMatchObject({ scopes: ["write", "consent"], origins: [], cidrs: [], rateLimit: 10_000 });
    const secretKey = await makeKey({ kind: "secret", environment: "test", projectId: PROJECT });
    expect(secretKey.key).toMatch(/^sk_test_/);
    expect(secretKey.scopes).toEqual(["write", "consent", "read", "admin", "privacy"]);
    // The rate limit of the project.
    expect(secretKey.rateLimit).toBe(500);

    const { status, record } = await recordOf(publicKey.key);
    expect([status, record]).toMatchObject([200, { id: publicKey.id, project: tenant, revokedAt: null }]);
    expect(warehouse.pushed[0]).toEqual({ name: keyRecordName(hashKey(publicKey.key)), value: record });
    const listed = JSON.stringify((await warehouse.get("/v1/admin/keys")).body);
    expect(listed).toContain(publicKey.id);
    for (const { key } of [publicKey, secretKey]) {
      expect(listed).not.toContain(key);
      expect(listed).not.toContain(hashKey(key));
    }
  });

  it("are unknown to the edge when they do not exist", async () => {
    expect((await warehouse.app.request(`/internal/keys/${"0".repeat(64)}`)).status).toBe(404);
    expect((await warehouse.app.request("/internal/keys/x")).status).toBe(404);
  });

  it("rotate with an overlap, once", async () => {
    const old = await makeKey({ kind: "secret", scopes: ["read"], cidrs: ["10.0.0.0/8"] });
    const before = Date.now();
    const rotated = await warehouse.send("POST", `/v1/admin/keys/${old.id}/rotate`, undefined);
    expect(rotated.status).toBe(201);
    expect(rotated.body.data).toMatchObject({ scopes: ["read"], cidrs: ["10.0.0.0/8"], notAfter: null });
    const ended = await recordOf(old.key);
    const overlapHours = ((ended.record.notAfter ?? 0) - before) / 3_600_000;
    expect(overlapHours).toBeGreaterThan(71.9);
    expect(overlapHours).toBeLessThan(72.1);
    expect((await recordOf(rotated.body.data.key)).record.notAfter).toBeNull();
    const again = await warehouse.send("POST", `/v1/admin/keys/${old.id}/rotate`, { overlapHours: 0 });
    expect([again.status, again.body.code]).toEqual([409, "conflicting_request"]);
  });

  it("are revoked permanently, also by a repeated request", async () => {
    const key = await makeKey();
    const first = await warehouse.send("DELETE", `/v1/admin/keys/${key.id}`);
    const second = await warehouse.send("DELETE", `/v1/admin/keys/${key.id}`);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body.data.revokedAt).toBe(first.body.data.revokedAt);
    expect(warehouse.pushed.at(-1)?.value?.revokedAt).toBe(Date.parse(first.body.data.revokedAt));
    const rotated = await warehouse.send("POST", `/v1/admin/keys/${key.id}/rotate`);
    expect(rotated.status).toBe(409);
  });

  it.each([
    [{ kind: "other" }, "/kind"],
    [{ projectId: "p_nothing" }, "/projectId"],
    [{ scopes: ["write", "read"] }, "/scopes/1"],
    [{ kind: "secret", scopes: ["everything"] }, "/scopes/0"],
    [{ origins: ["https://good.example.com", "https://bad.example.com/path"] }, "/origins/1"],
    [{ origins: "https://good.example.com" }, "/origins"],
    [{ cidrs: ["10.0.0.0/33"] }, "/cidrs/0"],
    [{ rateLimit: 0 }, "/rateLimit"],
    [{ rateLimit: "10" }, "/rateLimit"],
    [{ notBefore: "tomorrow" }, "/notBefore"],
    [{ notBefore: "2026-02-02", notAfter: "2026-02-01" }, "/notAfter"],
    [{ orgins: [] }, "/orgins"],
  ])("refuse %j", async (input, pointer) => {
    const body = { projectId: tenant, kind: "public", ...input };
    const answer = await warehouse.send("POST", "/v1/admin/keys", body);
    expect([answer.status, answer.body.code, answer.body.pointer]).toEqual([400, "invalid_parameter", pointer]);
    expect(warehouse.pushed).toEqual([]);
  });

  it.each([
    ["{", "invalid_json"],
    ["[]", "invalid_payload"],
    ["null", "invalid_payload"],
    ["", "empty_body"],
  ])("refuse the body %j", async (text, code) => {
    const answer = await warehouse.send("POST", "/v1/admin/keys", text);
    expect([answer.status, answer.body.code]).toEqual([400, code]);
  });
});

it("writes every change, but no key, into the audit log", async () => {
  const made = await makeKey();
  const { body } = await warehouse.get("/v1/audit?limit=1000");
  expect(body.data[1]).toMatchObject({ action: "keys.create", target: { projectId: tenant, kind: "public" } });
  expect(JSON.stringify(body)).not.toContain(made.key);
  expect((await warehouse.get("/v1/audit/verify")).body.data.valid).toBe(true);
  expect(warehouse.faults).toEqual([]);
});
