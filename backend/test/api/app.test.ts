// Tests the rules for every call: authorization, refusals, the audit record before the read, and the answer to a fault.

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { queryApp } from "../../src/api/app.ts";
import { CALLER, openWarehouse, PROJECT, type Warehouse } from "../query/warehouse.ts";

const NOTHING = { activeUsers: 0, perMinute: [], topEvents: [], topPages: [], countries: [] };
let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse();
}, 60_000);
afterAll(() => warehouse.stop());

const auditOf = async (project: string) =>
  warehouse.sql<{ action: string; target: Record<string, unknown>; actor: string }[]>`
    select action, target, actor from audit_log where project = ${project} order by id`;

describe("the API", () => {
  it("answers unknown routes 404 and wrong methods 405 with Allow", async () => {
    const unknown = await warehouse.get("/v1/query/nothing");
    expect([unknown.status, unknown.body.code, unknown.body.request_id]).toEqual([404, "not_found", "r_test"]);
    const wrong = await warehouse.app.request("/v1/query/trend", { method: "DELETE", headers: CALLER });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect(((await wrong.json()) as { code: string }).code).toBe("method_not_allowed");
  });

  it("refuses a caller without a project or without the scope", async () => {
    const nobody = await warehouse.app.request("/v1/query/trend?project=p_test");
    expect(nobody.status).toBe(401);
    for (const [path, scopes] of [
      ["/v1/query/trend", "write consent admin privacy"],
      ["/v1/audit", "read admin"],
      ["/v1/admin/projects", "read privacy"],
    ] as const) {
      const { status, body } = await warehouse.get(path, { "x-scopes": scopes });
      expect([status, body.code]).toEqual([403, "insufficient_scope"]);
    }
  });

  it("never allows a cache to store a response", async () => {
    expect((await warehouse.get("/v1/query/top?by=event")).headers.get("cache-control")).toBe("no-store");
  });

  it("answers a fault with 503 and Retry-After, but without its details", async () => {
    const app = queryApp({
      ...warehouse.parts,
      readRealtime: async () => {
        throw new Error("secret detail");
      },
    });
    const response = await app.request("/v1/query/realtime", { headers: CALLER });
    const text = await response.text();
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(JSON.parse(text)).toMatchObject({ success: false, code: "unavailable", request_id: "r_test" });
    expect(text).not.toContain("detail");
    expect(String(warehouse.faults.pop())).toContain("secret detail");
  });

  it("answers 503 when a dependency does not answer in time", async () => {
    const never = Promise.withResolvers<never>();
    const asked = Promise.withResolvers<void>();
    const app = queryApp({
      ...warehouse.parts,
      readRealtime: () => {
        asked.resolve();
        return never.promise;
      },
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const response = app.request("/v1/query/realtime", { headers: CALLER });
      await asked.promise;
      await vi.advanceTimersByTimeAsync(10_000);
      expect((await response).status).toBe(503);
    } finally {
      vi.useRealTimers();
    }
    expect(String(warehouse.faults.pop())).toContain("deadline");
  });

  it.each([
    ["/v1/query/trend?interval=fortnight", '/interval: Invalid option: expected one of "minute"|"hour"|"day".'],
    ["/v1/events?limit=0", "/limit: Too small: expected number to be >=1."],
    ["/v1/query/top?by=event&limit=x", "/limit: not a whole number."],
  ])("names the expected value for %s", async (path, message) => {
    expect((await warehouse.get(path)).body).toMatchObject({ code: "invalid_parameter", message });
  });

  it("refuses bodies that are too deep, ill-formed or too large", async () => {
    const deep = `{"steps":${"[".repeat(30_000)}${"]".repeat(30_000)}}`;
    const nested = await warehouse.send("POST", "/v1/query/funnel", deep);
    expect([nested.status, nested.body.code]).toEqual([400, "invalid_parameter"]);
    const name = await warehouse.send("POST", "/v1/query/funnel", '{"steps":[{"event":"\\ud800"}]}');
    expect([name.status, name.body.pointer]).toEqual([400, "/steps/0/event"]);
    const large = await warehouse.send("POST", "/v1/query/funnel", `{"a":"${"x".repeat(70_000)}"}`);
    expect([large.status, large.body.code]).toEqual([413, "payload_too_large"]);
    expect(warehouse.faults).toEqual([]);
  });
});

describe("the audit log", () => {
  it("records every read before the data, without the requested ids", async () => {
    const project = "p_audited";
    await warehouse.get("/v1/query/trend?event=A", { "x-project": project });
    await warehouse.get("/v1/events?userId=ada@example.com", { "x-project": project });
    const records = await auditOf(project);
    expect(records.map(({ action, actor }) => [action, actor])).toEqual([
      ["query.trend", "k_test"],
      ["events.list", "k_test"],
    ]);
    expect(JSON.stringify(records)).not.toContain("ada@");
  });

  it("fails closed: without a record there is no read", async () => {
    let reads = 0;
    const app = queryApp({
      ...warehouse.parts,
      sql: { begin: async () => Promise.reject(new Error("no audit")) } as never,
      readRealtime: async () => {
        reads++;
        return NOTHING;
      },
    });
    const response = await app.request("/v1/query/realtime", { headers: CALLER });
    expect([response.status, reads]).toEqual([503, 0]);
    warehouse.faults.length = 0;
  });

  it("chains each project's records, also of concurrent requests, and detects a changed record", async () => {
    const caller = { "x-project": "p_chain" };
    await Promise.all(Array.from({ length: 12 }, () => warehouse.get("/v1/query/top?by=event", caller)));
    const good = await warehouse.get("/v1/audit/verify", caller);
    expect(good.body.data).toMatchObject({ valid: true, records: 13, firstBroken: null });
    const listed = await warehouse.get("/v1/audit?limit=5", caller);
    expect(listed.body.data[0]).toMatchObject({ action: "audit.list", project: "p_chain", actor: "k_test" });

    const rows = await warehouse.sql<{ id: string }[]>`select id from audit_log where project = 'p_chain' order by id`;
    await warehouse.sql`update audit_log set target = '{"by":"page"}' where id = ${rows[3]?.id ?? ""}`;
    const changed = await warehouse.get("/v1/audit/verify", caller);
    expect(changed.body.data).toMatchObject({ valid: false, records: 3, firstBroken: { id: Number(rows[3]?.id) } });

    const other = { "x-project": PROJECT };
    expect((await warehouse.get("/v1/audit/verify", other)).body.data.valid).toBe(true);
    expect(JSON.stringify((await warehouse.get("/v1/audit", other)).body)).not.toContain("p_chain");
  });

  it("detects a deleted record", async () => {
    const caller = { "x-project": "p_cut" };
    for (let n = 0; n < 3; n++) await warehouse.get("/v1/query/top?by=event", caller);
    await warehouse.sql`
      delete from audit_log where id = (select id from audit_log where project = 'p_cut' order by id offset 1 limit 1)`;
    expect((await warehouse.get("/v1/audit/verify", caller)).body.data).toMatchObject({ valid: false, records: 1 });
  });
});
