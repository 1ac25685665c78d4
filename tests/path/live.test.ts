// The live tail of the running pipeline, opened by a program on the network.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await Pipeline.start();
});

afterAll(async () => {
  await pipeline?.remove();
});

interface Told {
  outcome: string;
  code?: string;
  event?: { messageId?: string; event?: string };
}

class Watcher {
  readonly told: Told[] = [];
  code: number | null = null;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.told.push(JSON.parse(data as string) as Told));
    socket.addEventListener("close", ({ code }) => (this.code = code));
  }

  static async open(key: string): Promise<Watcher> {
    // Node's WebSocket accepts headers. A browser's WebSocket does not, and sends the dashboard's cookie.
    const options = { headers: { Authorization: `Bearer ${key}` } } as unknown as string[];
    const socket = new WebSocket(`${pipeline.origin.replace("http", "ws")}/v1/live`, options);
    const watcher = new Watcher(socket);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    return watcher;
  }

  close(): void {
    this.#socket.close();
  }
}

function track(body: Record<string, unknown>): Promise<Response> {
  return fetch(`${pipeline.origin}/v1/track`, {
    method: "POST",
    headers: { Authorization: `Bearer ${pipeline.keys.publicKey}` },
    body: JSON.stringify(body),
  });
}

it("shows a project's events while they are on their way, and its rejected events", async () => {
  const watcher = await Watcher.open(pipeline.keys.secretKey);
  const messageId = randomUUID();
  expect((await track({ event: "Signed Up", anonymousId: "device-1", messageId })).status).toBe(200);
  expect((await track({ event: "Nobody's" })).status).toBe(400);
  await expect.poll(() => watcher.told.length, { timeout: 5_000 }).toBe(2);
  expect(watcher.told[0]).toMatchObject({ outcome: "accepted", event: { messageId, event: "Signed Up" } });
  expect(watcher.told[1]).toMatchObject({ outcome: "rejected", code: "missing_identity" });
  watcher.close();
});

it("records in the audit log who watches", async () => {
  const { body } = await pipeline.read("/v1/audit?limit=100");
  expect(JSON.stringify(body)).toContain("live.watch");
});

it("ends within five seconds of the key's revocation", async () => {
  const made = await pipeline.read("/v1/admin/keys", {
    method: "POST",
    body: JSON.stringify({ projectId: pipeline.keys.project, kind: "secret", scopes: ["read"] }),
  });
  const { id, key } = (made.body as { data: { id: string; key: string } }).data;
  const watcher = await Watcher.open(key);
  expect((await pipeline.read(`/v1/admin/keys/${id}`, { method: "DELETE" })).status).toBe(200);
  await expect.poll(() => watcher.code, { timeout: 5_000 }).toBe(1008);
});
