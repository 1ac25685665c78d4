// The stream fails in every way in which a network can fail. After that it is unreachable for minutes without new traffic. Every
// acknowledged event is delivered once, within two minutes of the stream's return (I2).

import { setTimeout as delay } from "node:timers/promises";
import { startAws } from "@behaviour/local";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultProxy } from "../harness/fault-proxy.ts";
import { Pipeline } from "../harness/pipeline.ts";
import { Sender } from "../harness/sender.ts";
import { settledFaults } from "../harness/stores.ts";
import { chaosSize } from "./size.ts";

const OUTAGE_MS = chaosSize({ short: 15_000, full: 4 * 60_000 });
const TRAFFIC_MS = chaosSize({ short: 5_000, full: 60_000 });
const DELIVERED_WITHIN_MS = 120_000;

let pipeline: Pipeline;
let kinesis: Awaited<ReturnType<typeof startAws>>;
let proxy: FaultProxy;
const acknowledged = new Set<string>();
const sent = new Set<string>();

beforeAll(async () => {
  kinesis = await startAws({ parts: ["kinesis"] });
  proxy = await FaultProxy.start(kinesis.kinesis);
  pipeline = await Pipeline.start({
    environment: { KINESIS_ENDPOINT: proxy.url, AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" },
  });
});

afterAll(async () => {
  proxy.mode = "pass";
  await pipeline?.remove();
  await proxy?.stop();
  await kinesis?.stop();
});

async function sendFor(durationMs: number): Promise<void> {
  const sender = new Sender({
    origin: pipeline.origin,
    writeKey: pipeline.keys.publicKey,
    batchSize: 50,
    concurrency: 2,
    pauseMs: 200,
  });
  const end = Date.now() + durationMs;
  await sender.send(Number.MAX_SAFE_INTEGER, () => Date.now() < end);
  for (const id of sender.acknowledged) acknowledged.add(id);
  for (const id of sender.sent) sent.add(id);
  expect(sender.refusals.size).toBe(0);
}

async function expectDelivered(): Promise<void> {
  const { project } = pipeline.keys;
  const faults = await settledFaults(() => pipeline.endpoints, project, acknowledged, sent, DELIVERED_WITHIN_MS);
  expect(faults).toEqual([]);
}

describe("the stream fails", () => {
  it("in half of all calls, before or after it stored the records", async () => {
    proxy.share = 0.5;
    for (const mode of ["refuse", "commitThenReset", "serverError"] as const) {
      proxy.mode = mode;
      await sendFor(chaosSize({ short: 3_000, full: 15_000 }));
    }
    expect(proxy.failed).toBeGreaterThan(0);
    proxy.mode = "pass";
    proxy.share = 1;
    await expectDelivered();
  });

  it("for minutes, without traffic after the first events", async () => {
    proxy.mode = "refuse";
    await sendFor(TRAFFIC_MS);
    await delay(OUTAGE_MS - TRAFFIC_MS);
    proxy.mode = "pass";
    await expectDelivered();
  });
});
