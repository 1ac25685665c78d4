// Under load workerd is killed three times and the backend twice, then every process at the same time, twice. Acknowledged events
// are once in each tier. Events that were never sent are in no tier (I1, I3, I4). `npm run chaos` runs the full size.

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pipeline } from "../harness/pipeline.ts";
import { Sender } from "../harness/sender.ts";
import { settledFaults } from "../harness/stores.ts";
import { chaosSize } from "./size.ts";

const EVENTS = chaosSize({ short: 4_000, full: 20_000 });
const SETTLE_MS = 120_000;

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await Pipeline.start();
});

afterAll(async () => {
  await pipeline?.remove();
});

function newSender(): Sender {
  // Slowed down, so that the load lasts as long as the kills.
  return new Sender({
    origin: pipeline.origin,
    writeKey: pipeline.keys.publicKey,
    batchSize: 100,
    concurrency: 4,
    pauseMs: Math.round(60_000 / (EVENTS / 400)) / chaosSize({ short: 4, full: 2 }),
  });
}

const acknowledged = new Set<string>();
const sent = new Set<string>();

async function verify(sender: Sender): Promise<void> {
  for (const id of sender.acknowledged) acknowledged.add(id);
  for (const id of sender.sent) sent.add(id);
  const faults = await settledFaults(() => pipeline.endpoints, pipeline.keys.project, acknowledged, sent, SETTLE_MS);
  expect(faults).toEqual([]);
}

describe("killed without warning", () => {
  it("workerd three times, the backend twice", async () => {
    const sender = newSender();
    const load = sender.send(EVENTS);
    const victims = [/workerd/, /functions\.ts/, /workerd/, /functions\.ts/, /workerd/];
    for (const victim of victims) {
      await delay(2_500);
      expect(pipeline.kill(victim), String(victim)).toBeGreaterThan(0);
    }
    await load;
    expect(sender.acknowledged.size).toBe(EVENTS);
    await verify(sender);
  });

  it("every process at the same time, twice: no acknowledged event is missing or duplicated, and the keys are the same", async () => {
    const { keys } = pipeline;
    for (let round = 0; round < 2; round++) {
      const sender = newSender();
      let powered = true;
      const load = sender.send(EVENTS, () => powered);
      await delay(4_000);
      await pipeline.powerCut();
      powered = false;
      await pipeline.restart();
      await load;
      expect(pipeline.keys).toEqual(keys);
      expect(sender.acknowledged.size).toBeGreaterThan(0);
      await verify(sender);
    }
  });
});
