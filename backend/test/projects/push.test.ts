// Tests that the scheduled push sends key records that could not be sent to the edge, when the edge answers again. Uses a real
// database, and an edge that stops and restarts.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hashKey, type KeyRecord, keyRecordName } from "@behaviour/contract";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { edgePush, type NamedRecord } from "../../src/outbound/edge.ts";
import { createKey, revokeKey } from "../../src/projects/keys.ts";
import { createProject } from "../../src/projects/projects.ts";
import { pushUnpushed, pushUpdates } from "../../src/projects/push.ts";
import { openWarehouse, PROJECT, type Warehouse } from "../query/warehouse.ts";

/** An edge that stores the pushed records while it runs. */
class Edge {
  readonly records = new Map<string, KeyRecord | null>();
  status = 200;
  calls = 0;
  port = 0;
  #server: Server | undefined;

  async start(): Promise<void> {
    this.#server = createServer(async (request, response) => {
      let text = "";
      for await (const part of request) text += String(part);
      this.calls++;
      if (this.status === 200) {
        const { records } = JSON.parse(text) as { records: NamedRecord[] };
        for (const { name, value } of records) this.records.set(name, value);
      }
      response.writeHead(this.status).end("{}");
    });
    await new Promise<void>((resolve) => this.#server?.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
  }

  recordOf(key: string): KeyRecord | null | undefined {
    return this.records.get(keyRecordName(hashKey(key)));
  }
}

const edge = new Edge();
let warehouse: Warehouse;

const run = (hasTime?: () => boolean) => pushUnpushed(warehouse.parts.database, warehouse.parts.edge, hasTime);
const makeKey = async () =>
  (await warehouse.send("POST", "/v1/admin/keys", { projectId: PROJECT, kind: "public" })).body.data as {
    id: string;
    key: string;
  };

beforeAll(async () => {
  await edge.start();
  const config = readConfig({ EDGE_URL: `http://127.0.0.1:${edge.port}`, INTERNAL_SECRET: "s".repeat(40) });
  warehouse = await openWarehouse({ edge: edgePush(config, () => {}) });
  await createProject(warehouse.parts.database, { name: "Operator" }, null, PROJECT);
}, 60_000);
afterAll(async () => {
  await warehouse.stop();
  await edge.stop();
});
beforeEach(async () => {
  edge.status = 200;
  await run();
  edge.calls = 0;
});

it("does nothing while every push arrives", async () => {
  const { key } = await makeKey();
  expect(edge.recordOf(key)?.revokedAt).toBeNull();
  edge.calls = 0;
  expect(await run()).toEqual({ keysPushed: 0, keysUnpushed: 0 });
  expect(edge.calls).toBe(0);
});

it.each([
  { name: "answers errors", down: async () => void (edge.status = 503), up: async () => void (edge.status = 200) },
  { name: "is down", down: () => edge.stop(), up: () => edge.start() },
])("pushes a revocation once that was made while the edge $name", async ({ down, up }) => {
  const { id, key } = await makeKey();
  await down();
  const revoked = await warehouse.send("DELETE", `/v1/admin/keys/${id}`);
  expect([revoked.status, revoked.body.propagated]).toEqual([200, false]);
  expect(edge.recordOf(key)?.revokedAt).toBeNull();
  expect(await run()).toEqual({ keysPushed: 0, keysUnpushed: 1 });
  await up();
  expect(await run()).toEqual({ keysPushed: 1, keysUnpushed: 0 });
  expect(edge.recordOf(key)?.revokedAt).toBe(Date.parse(revoked.body.data.revokedAt));
  expect(await run()).toEqual({ keysPushed: 0, keysUnpushed: 0 });
});

it("pushes both keys of a rotation, and all keys of a project that changed", async () => {
  const old = await makeKey();
  edge.status = 503;
  const rotated = await warehouse.send("POST", `/v1/admin/keys/${old.id}/rotate`, { overlapHours: 1 });
  edge.status = 200;
  expect(await run()).toEqual({ keysPushed: 2, keysUnpushed: 0 });
  expect(edge.recordOf(old.key)?.notAfter).not.toBeNull();
  expect(edge.recordOf(rotated.body.data.key)?.notAfter).toBeNull();

  edge.status = 503;
  await warehouse.send("PATCH", `/v1/admin/projects/${PROJECT}`, { settings: { consentRegime: "opt-in" } });
  edge.status = 200;
  const { keysPushed } = await run();
  expect(keysPushed).toBeGreaterThanOrEqual(3);
  expect(edge.recordOf(old.key)?.settings.consentRegime).toBe("opt-in");
});

it("pushes again when a key changed while an older state was in transit", async () => {
  const { database, edge: pushes } = warehouse.parts;
  const project = await createProject(database, { name: "Overtaken" }, null);
  const made = await createKey(database, project, { projectId: project.id, kind: "public" });
  // The revocation and its push happen between the read of the old state and its arrival.
  const slow = {
    push: async (records: readonly NamedRecord[]) => {
      const revoked = await revokeKey(database, made.view.id, Date.now());
      if (revoked.ok) await pushUpdates(database, pushes, revoked.value.updates);
      return pushes.push(records);
    },
  };
  expect(await pushUpdates(database, slow, made.updates)).toBe(true);
  expect(edge.recordOf(made.key)?.revokedAt).toBeNull();
  expect(await run()).toEqual({ keysPushed: 1, keysUnpushed: 0 });
  expect(edge.recordOf(made.key)?.revokedAt).not.toBeNull();
});

it("continues where it stopped when its time was up, in calls of limited size", async () => {
  const { database } = warehouse.parts;
  const project = await createProject(database, { name: "Large" }, null);
  const keys: string[] = [];
  for (let i = 0; i < 230; i++) {
    keys.push((await createKey(database, project, { projectId: project.id, kind: "public" })).key);
  }
  expect(await run(() => false)).toEqual({ keysPushed: 0, keysUnpushed: 230 });
  let pages = 0;
  expect(await run(() => ++pages <= 1)).toEqual({ keysPushed: 100, keysUnpushed: 130 });
  expect(await run()).toEqual({ keysPushed: 130, keysUnpushed: 0 });
  expect(edge.calls).toBe(3);
  expect(keys.every((key) => edge.recordOf(key) !== undefined)).toBe(true);
});
