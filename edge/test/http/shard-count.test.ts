// Changes a project's number of shards under load, while people refuse consent and keys are revoked. No event is stored after a
// refusal, no revoked key is accepted, no event is lost, and a duplicate is on the stream only if its record has a mark.

import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { generateKey } from "@behaviour/contract";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RegionStream } from "./stream.ts";
import { type ListeningWorker, startWorker, testRecord } from "./worker.ts";

/** `SHARD_COUNT_TEST=full` runs the whole load. Otherwise a fifth of it runs, for a machine that is shared with other work. */
const isFull = process.env.SHARD_COUNT_TEST === "full";
const EVENTS_PER_SECOND = isFull ? 2_000 : 400;
const REFUSALS = isFull ? 1_000 : 200;
const REVOCATIONS = 10;
const BATCH_EVENTS = 20;
/** The number of shards in each stage. */
const STAGES = [1, 4, 16, 2];
const STAGE_MS = 5_000;
const DEVICES = 5 * REFUSALS;
const DELIVERED_WITHIN_MS = 90_000;
const RETRY_AFTER_MS = 200;
const PROJECT = "resized";

interface SentEvent {
  messageId: string;
  device: string;
  /** Time of the first attempt. A shard that failed part-way may have stored the event then. */
  firstTriedAtMs: number;
}

const sent = new Map<string, SentEvent>();
const refusedAtMs = new Map<string, number>();
const statuses = new Map<number, number>();
let accepted = 0;
let duplicates = 0;
let suppressed = 0;

let stream: RegionStream;
let worker: ListeningWorker;
const publicKey = generateKey("public", "test");
const secretKey = generateKey("secret", "test");
const doomedKeys = Array.from({ length: REVOCATIONS }, () => generateKey("public", "test"));

beforeAll(async () => {
  stream = await RegionStream.start();
  worker = await startWorker({ KINESIS_ENDPOINT: stream.endpoint });
});

afterAll(async () => {
  await worker?.stop();
  await stream?.remove();
});

/** Pushes the new number of shards for every valid key, as the control plane does. */
function resize(shards: number, revoked: ReadonlySet<string>): Promise<void> {
  const keys = [
    { key: publicKey, record: testRecord({ id: "public", project: PROJECT, shards }) },
    {
      key: secretKey,
      record: testRecord({ id: "secret", project: PROJECT, shards, kind: "secret", scopes: ["write", "consent"] }),
    },
    ...doomedKeys.map((key, index) => ({
      key,
      record: testRecord({ id: `doomed-${index}`, project: PROJECT, shards }),
    })),
  ];
  return worker.push(keys.filter(({ key }) => !revoked.has(key)));
}

/** `status` is 0 if the connection broke. Then there is no answer, and a client retries. */
async function post(path: string, key: string, body: object, tries: number): Promise<Record<string, unknown>> {
  let answer: Response;
  try {
    answer = await fetch(`${worker.origin}${path}`, {
      method: "POST",
      headers: { "X-API-Key": key, ...(tries > 0 ? { "X-Retry-Count": String(tries) } : {}) },
      body: JSON.stringify(body),
    });
  } catch {
    return { status: 0 };
  }
  statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
  return { ...((await answer.json()) as Record<string, unknown>), status: answer.status };
}

/** Retries until the answer is 200, as every library does. */
async function postUntilTaken(path: string, key: string, body: object): Promise<Record<string, unknown>> {
  for (let tries = 0; ; tries++) {
    const answer = await post(path, key, body, tries);
    if (answer.status === 200) return answer;
    await delay(RETRY_AFTER_MS);
  }
}

async function sendBatch(): Promise<void> {
  const firstTriedAtMs = Date.now();
  const batch = Array.from({ length: BATCH_EVENTS }, () => {
    const event = { messageId: randomUUID(), device: `device-${Math.floor(Math.random() * DEVICES)}`, firstTriedAtMs };
    sent.set(event.messageId, event);
    // Half of the visitors are signed in. A refusal as a user applies to every device.
    const userId = Math.random() < 0.5 ? { userId: `user-of-${event.device}` } : {};
    return { type: "track", event: "Sent", anonymousId: event.device, ...userId, messageId: event.messageId };
  });
  const answer = await postUntilTaken("/v1/batch", publicKey, { batch });
  const counts = [answer.accepted, answer.duplicates, answer.suppressed] as [number, number, number];
  expect(counts[0] + counts[1] + counts[2]).toBe(BATCH_EVENTS);
  accepted += counts[0];
  duplicates += counts[1];
  suppressed += counts[2];
}

/** Every third refusal also names the user, with a secret key, as a back office does. */
async function refuse(index: number): Promise<void> {
  const device = `device-${index}`;
  const ids = index % 3 === 0 ? { anonymousId: device, userId: `user-of-${device}` } : { anonymousId: device };
  const body = { ...ids, purposes: { analytics: "denied" }, method: "banner" };
  await postUntilTaken("/v1/consent", index % 3 === 0 ? secretKey : publicKey, body);
  refusedAtMs.set(device, Date.now());
}

const takenByRevoked: string[] = [];

/** Revokes the key. After the answer, the key is used until the end of the test. */
async function revoke(index: number, revoked: Set<string>, goOn: () => boolean): Promise<void> {
  const key = doomedKeys[index] ?? "";
  await worker.push([
    { key, record: testRecord({ id: `doomed-${index}`, project: PROJECT, shards: 1, revokedAt: Date.now() - 1 }) },
  ]);
  revoked.add(key);
  while (goOn()) {
    const body = { type: "track", event: "Revoked", anonymousId: `device-${randomUUID()}`, messageId: randomUUID() };
    const { status } = await post("/v1/track", key, body, 0);
    if (status === 200) takenByRevoked.push(`${index}`);
    await delay(250);
  }
}

it("the count goes 1, 4, 16, 2 under load, refusals and revocations", { timeout: 240_000 }, async () => {
  const revoked = new Set<string>();
  await resize(STAGES[0] ?? 1, revoked);
  // Each key that will be revoked first sends a good event, so that a later refusal is due to the revocation.
  for (const key of doomedKeys) {
    const body = { type: "track", event: "Before", anonymousId: "before", messageId: randomUUID() };
    expect((await postUntilTaken("/v1/track", key, body)).success).toBe(true);
  }
  const startedAtMs = Date.now();
  const endsAtMs = startedAtMs + STAGES.length * STAGE_MS;
  const goOn = () => Date.now() < endsAtMs;
  const work: Promise<unknown>[] = [];
  const paced = async (count: number, everyMs: number, run: (index: number) => Promise<void>) => {
    for (let index = 0; index < count && goOn(); index++) {
      const dueMs = startedAtMs + index * everyMs - Date.now();
      if (dueMs > 0) await delay(dueMs);
      work.push(run(index));
    }
  };
  const totalMs = endsAtMs - startedAtMs;
  const batches = (EVENTS_PER_SECOND / BATCH_EVENTS / 1_000) * totalMs;
  await Promise.all([
    paced(batches, totalMs / batches, sendBatch),
    paced(REFUSALS, totalMs / REFUSALS, refuse),
    paced(REVOCATIONS, totalMs / REVOCATIONS, (index) => revoke(index, revoked, goOn)),
    ...STAGES.slice(1).map(async (shards, index) => {
      await delay((index + 1) * STAGE_MS);
      await resize(shards, revoked);
    }),
  ]);
  await Promise.all(work);

  expect(takenByRevoked).toEqual([]);
  expect(refusedAtMs.size).toBe(REFUSALS);
  for (const status of statuses.keys()) expect([200, 401, 429, 503]).toContain(status);
  expect(suppressed).toBeGreaterThan(0);
  expect(accepted + duplicates + suppressed).toBe(sent.size);

  // No more events are sent. Every accepted event must be delivered without further traffic.
  const arrivedIds = async () => {
    const { first, marked } = await stream.read();
    return new Set([...first.keys(), ...marked.keys()].filter((id) => sent.has(id)));
  };
  await expect
    .poll(async () => (await arrivedIds()).size, { timeout: DELIVERED_WITHIN_MS, interval: 1_000 })
    .toBeGreaterThanOrEqual(accepted);
  const { first, retried } = await stream.read();
  const arrived = await arrivedIds();
  // An event that a failed attempt had already stored is a duplicate in the next attempt, or was refused meanwhile.
  expect(arrived.size).toBeGreaterThanOrEqual(accepted);
  expect(arrived.size).toBeLessThanOrEqual(sent.size);
  const storedAfterRefusal = [...arrived].filter((id) => {
    const { device, firstTriedAtMs } = sent.get(id) as SentEvent;
    return firstTriedAtMs > (refusedAtMs.get(device) ?? Number.POSITIVE_INFINITY);
  });
  expect(storedAfterRefusal).toEqual([]);
  const doubled = [...first].filter(([id, copies]) => copies - (retried.get(id) ?? 0) > 1);
  expect(doubled).toEqual([]);
  console.log(
    JSON.stringify({
      sent: sent.size,
      accepted,
      duplicates,
      suppressed,
      refusals: refusedAtMs.size,
      arrived: arrived.size,
      statuses: [...statuses],
    }),
  );
});
