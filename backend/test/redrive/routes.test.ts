// Tests the operator's routes for redrive and reconciliation.

import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createProject } from "../../src/projects/projects.ts";
import type { UndeliveredBatch } from "../../src/redrive/undelivered.ts";
import { openWarehouse, PROJECT, type Warehouse } from "../query/warehouse.ts";

// A busy machine must not fail these tests.
vi.setConfig({ testTimeout: 60_000 });

const BATCH: UndeliveredBatch = {
  key: "hot/shard/1.json",
  consumer: "hot",
  shardId: "shardId-000000000000",
  condition: "RetryAttemptsExhausted",
  givenUpAt: "2026-11-25T00:00:00.000Z",
  records: [],
  text: "{}",
};

let warehouse: Warehouse;
let tenant: string;
beforeAll(async () => {
  const undelivered = {
    keys: async function* () {
      yield BATCH.key;
      yield "gone meanwhile";
    },
    read: async (key: string) => (key === BATCH.key ? BATCH : null),
  };
  warehouse = await openWarehouse({ undelivered });
  await createProject(warehouse.parts.database, { name: "Operator" }, null, PROJECT);
  tenant = (await warehouse.send("POST", "/v1/admin/projects", { name: "Tenant" })).body.data.id;
}, 60_000);
afterAll(() => warehouse.stop());

const PATH = "/v1/admin/redrive";

it("shows the operator the undelivered batches, and accepts requests", async () => {
  const asked = await warehouse.send("POST", PATH, { consumer: "hot" });
  expect([asked.status, asked.body.data]).toMatchObject([201, { consumer: "hot", redriven: 0, finishedAt: null }]);
  expect((await warehouse.send("POST", PATH)).body.data).toMatchObject({ consumer: null });
  const { data } = (await warehouse.get(PATH)).body;
  const { text: _text, ...shown } = BATCH;
  expect(data.batches).toEqual([{ ...shown, records: 0 }]);
  expect(data.requests.map(({ consumer }: { consumer: string | null }) => consumer)).toEqual([null, "hot"]);
  const wrong = await warehouse.send("POST", PATH, { consumer: "tepid" });
  expect([wrong.status, wrong.body.pointer]).toEqual([400, "/consumer"]);
});

it("is open to the operator only", async () => {
  const asTenant = { "x-project": tenant };
  expect((await warehouse.get(PATH, asTenant)).status).toBe(403);
  expect((await warehouse.send("POST", PATH, {}, asTenant)).status).toBe(403);
  expect((await warehouse.get(PATH, { "x-scopes": "read" })).status).toBe(403);
});

it("shows each project its own minutes", async () => {
  const minute = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 20 * 60_000);
  const row = { project: PROJECT, minute, processed: 3, received: 3, changed_at: minute, checked_at: minute };
  await warehouse.sql`insert into flow_minute ${warehouse.sql(row)}`;
  const { data } = (await warehouse.get("/v1/admin/reconciliation")).body;
  expect(data).toMatchObject([
    {
      minute: minute.toISOString(),
      edge: null,
      missing: { process: 0, hot: 3, warm: 3, cold: 3 },
      state: "imbalanced",
    },
  ]);
  expect((await warehouse.get("/v1/admin/reconciliation", { "x-project": tenant })).body.data).toEqual([]);
  expect((await warehouse.get(`/v1/admin/reconciliation?to=${minute.toISOString()}`)).body.data).toEqual([]);
  expect((await warehouse.get("/v1/admin/reconciliation?limit=0")).status).toBe(400);
});
