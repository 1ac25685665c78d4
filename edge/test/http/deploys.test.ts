// Deploys a new version of the Worker every two seconds under load. Each deployment ends the objects and the requests in
// progress. Exactly the acknowledged events are on the stream, and duplicates only in records with a mark. New credentials are
// deployed in the same way.

import { createServer, type Server } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeServer, listenOnLoopback } from "../../../local/emulators/listening.ts";
import { callKinesis } from "../servers/kinesis/proxy.ts";
import { sendWhile } from "./load.ts";
import { RegionStream } from "./stream.ts";
import { type ListeningWorker, startWorker } from "./worker.ts";

const DEPLOYS = 5;
const DEPLOY_EVERY_MS = 2_000;
const DELIVERED_WITHIN_MS = 60_000;

let stream: RegionStream;
const workers: ListeningWorker[] = [];

beforeAll(async () => {
  stream = await RegionStream.start();
});

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await stream?.remove();
});

async function start(vars: Record<string, string>): Promise<ListeningWorker> {
  const worker = await startWorker(vars);
  workers.push(worker);
  return worker;
}

describe("a deployment every two seconds", () => {
  it("loses no event and doubles no event", async () => {
    const worker = await start({ KINESIS_ENDPOINT: stream.endpoint });
    let deploying = true;
    const load = sendWhile(worker, () => deploying);
    for (let deployed = 0; deployed < DEPLOYS; deployed++) {
      await delay(DEPLOY_EVERY_MS);
      await worker.deploy();
    }
    await delay(500);
    deploying = false;
    const sent = await load;
    expect(sent.ids.size).toBeGreaterThan(500);
    // Only requests that a deployment interrupted, or that briefly found no shard, were refused.
    for (const refusal of sent.refusals.keys())
      expect(["0", "503", "503 unavailable", "503 overloaded"]).toContain(refusal);
    await expect
      .poll(async () => missing(sent.ids, await stream.read()), { timeout: DELIVERED_WITHIN_MS, interval: 500 })
      .toBe(0);
    const { first, marked } = await stream.read();
    const arrived = new Set([...first.keys(), ...marked.keys()]);
    expect(arrived).toEqual(sent.ids);
    // In records without a mark a message occurs once. Consumers do not look for duplicates there and would count twice.
    expect([...first].filter(([, copies]) => copies > 1)).toEqual([]);
    // Conservation: an event answered as a duplicate was accepted by an attempt whose answer was lost.
    expect(sent.accepted + sent.duplicates).toBe(sent.ids.size);
  });
});

function missing(
  ids: ReadonlySet<string>,
  { first, marked }: { first: Map<string, number>; marked: Map<string, number> },
) {
  return [...ids].filter((id) => !first.has(id) && !marked.has(id)).length;
}

describe("credentials that expire", () => {
  let guard: Server;
  let guarded: string;
  let refused = 0;

  beforeAll(async () => {
    // Checks credentials in front of the stream, as the real service does.
    guard = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const headers = { "Content-Type": "application/x-amz-json-1.1" };
      if (request.headers["x-amz-security-token"] !== "renewed") {
        refused++;
        response.writeHead(403, headers).end('{"__type":"ExpiredTokenException","message":"expired"}');
        return;
      }
      const operation = String(request.headers["x-amz-target"]).split(".").at(-1) ?? "";
      const answer = await callKinesis(stream.endpoint, operation, JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(answer.status, headers).end(await answer.text());
    });
    guarded = await listenOnLoopback(guard, 0);
  });

  afterAll(() => closeServer(guard));

  it("stop nothing but the flush: what is taken meanwhile is delivered with the renewed ones, once", async () => {
    const worker = await start({ KINESIS_ENDPOINT: guarded, AWS_SESSION_TOKEN: "expired" });
    const end = Date.now() + 1_500;
    const sent = await sendWhile(worker, () => Date.now() < end);
    expect(sent.refusals).toEqual(new Map());
    await expect.poll(() => refused, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(missing(sent.ids, await stream.read())).toBe(sent.ids.size);
    await worker.deploy({ AWS_SESSION_TOKEN: "renewed" });
    // No client sends any more, so the shard is woken only by its own alarm.
    await expect
      .poll(async () => missing(sent.ids, await stream.read()), { timeout: DELIVERED_WITHIN_MS, interval: 500 })
      .toBe(0);
    const { first, marked } = await stream.read();
    for (const id of sent.ids) expect((first.get(id) ?? 0) + (marked.get(id) ?? 0)).toBe(1);
  });
});
