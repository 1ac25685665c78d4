// Tests the streams of two regions as real processes. The primary crashes under load, events sent meanwhile go to the secondary,
// and the primary is used again when it is back. Then both are down. Over both streams every message is there once. E13.

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sendWhile } from "./load.ts";
import { RegionStream } from "./stream.ts";
import { type ListeningWorker, startWorker } from "./worker.ts";

/** The primary is tried again after 5 s, then 10, then 20. */
const BACK_WITHIN_MS = 30_000;
const DELIVERED_WITHIN_MS = 120_000;

let primary: RegionStream;
let secondary: RegionStream;
let worker: ListeningWorker;

beforeAll(async () => {
  [primary, secondary] = await Promise.all([RegionStream.start(), RegionStream.start()]);
  worker = await startWorker({
    KINESIS_ENDPOINT: primary.endpoint,
    SECONDARY_AWS_REGION: "eu-west-1",
    SECONDARY_KINESIS_ENDPOINT: secondary.endpoint,
  });
});

afterAll(async () => {
  await worker?.stop();
  await Promise.all([primary?.remove(), secondary?.remove()]);
});

async function messagesIn(stream: RegionStream): Promise<Set<string>> {
  const { first, marked } = await stream.read();
  return new Set([...first.keys(), ...marked.keys()]);
}

it("the primary dies, the secondary takes over, the primary comes back, both die: every message is there once", async () => {
  let sending = true;
  const load = sendWhile(worker, () => sending);

  await expect.poll(async () => (await messagesIn(primary)).size, { timeout: 10_000 }).toBeGreaterThan(20);
  expect((await messagesIn(secondary)).size).toBe(0);

  await primary.down();
  await expect.poll(async () => (await messagesIn(secondary)).size, { timeout: 20_000 }).toBeGreaterThan(100);

  await primary.up();
  const before = (await messagesIn(primary)).size;
  await expect
    .poll(async () => (await messagesIn(primary)).size, { timeout: BACK_WITHIN_MS, interval: 250 })
    .toBeGreaterThan(before + 20);

  await Promise.all([primary.down(), secondary.down()]);
  await delay(1_500);
  sending = false;
  const sent = await load;
  // No client is refused, in any state of the streams.
  expect(sent.refusals).toEqual(new Map());
  expect([sent.accepted, sent.duplicates]).toEqual([sent.ids.size, 0]);

  await Promise.all([primary.up(), secondary.up()]);
  await expect
    .poll(async () => union(await messagesIn(primary), await messagesIn(secondary)).size, {
      timeout: DELIVERED_WITHIN_MS,
      interval: 500,
    })
    .toBe(sent.ids.size);
  const streams = await Promise.all([primary.read(), secondary.read()]);
  expect(union(...streams.flatMap(({ first, marked }) => [new Set(first.keys()), new Set(marked.keys())]))).toEqual(
    sent.ids,
  );
  // Duplicates are in records with a mark, which makes every consumer look for the first copy.
  for (const id of sent.ids) {
    const unmarked = streams.reduce((sum, { first }) => sum + (first.get(id) ?? 0), 0);
    expect(unmarked, id).toBeLessThanOrEqual(1);
  }
});

function union(...sets: ReadonlySet<string>[]): Set<string> {
  return new Set(sets.flatMap((set) => [...set]));
}
