// The same message again, in every way in which clients send it again. It counts once in each tier.
// docs/API_DOCUMENTATION.md#sending-events, E5, E11.

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Counts, type SendingOptions, sendFrom } from "../harness/copies.ts";
import { Pipeline } from "../harness/pipeline.ts";
import { agePastMessages } from "../harness/shard-storage.ts";
import { settledFaults } from "../harness/stores.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const SETTLE_MS = 90_000;

let pipeline: Pipeline;
const messages = new Set<string>();

beforeAll(async () => {
  pipeline = await Pipeline.start();
});

afterAll(async () => {
  await pipeline?.remove();
});

type Event = Record<string, unknown> & { messageId: string };

/** A message that must be stored once at the end. */
function newMessage(change: Record<string, unknown> = {}): Event {
  const messageId = randomUUID();
  messages.add(messageId);
  return { type: "track", event: "Order Completed", anonymousId: "device-1", messageId, ...change };
}

function at(ms: number): string {
  return new Date(ms).toISOString();
}

const KNOWN: Counts = { accepted: 0, duplicates: 1 };
const TAKEN: Counts = { accepted: 1, duplicates: 0 };

async function expectOncePerTier(project = pipeline.keys.project, ids: ReadonlySet<string> = messages): Promise<void> {
  expect(await settledFaults(() => pipeline.endpoints, project, ids, ids, SETTLE_MS)).toEqual([]);
}

interface Case {
  name: string;
  first: (nowMs: number) => Record<string, unknown>;
  second: (nowMs: number) => Record<string, unknown>;
  how?: SendingOptions;
}

const SAME_SHARD: Case[] = [
  { name: "word for word", first: () => ({}), second: () => ({}) },
  {
    name: "with another `sentAt`, within the tolerance",
    first: (nowMs) => ({ timestamp: at(nowMs), sentAt: at(nowMs) }),
    second: (nowMs) => ({ timestamp: at(nowMs), sentAt: at(nowMs - MINUTE_MS) }),
  },
  {
    name: "with another `sentAt`, which changes the correction of its time",
    first: (nowMs) => ({ timestamp: at(nowMs - 10 * MINUTE_MS), sentAt: at(nowMs) }),
    second: (nowMs) => ({ timestamp: at(nowMs - 10 * MINUTE_MS), sentAt: at(nowMs - 60 * MINUTE_MS) }),
  },
  {
    name: "with a `sentAt` after a copy without `sentAt`",
    first: (nowMs) => ({ timestamp: at(nowMs - 60 * MINUTE_MS) }),
    second: (nowMs) => ({ timestamp: at(nowMs - 60 * MINUTE_MS), sentAt: at(nowMs + 30 * MINUTE_MS) }),
  },
  {
    name: "marked as a retry, which is never corrected",
    first: (nowMs) => ({ timestamp: at(nowMs - 60 * MINUTE_MS), sentAt: at(nowMs - 60 * MINUTE_MS) }),
    second: (nowMs) => ({ timestamp: at(nowMs - 60 * MINUTE_MS), sentAt: at(nowMs - 60 * MINUTE_MS) }),
    how: { retryCount: 1 },
  },
  {
    name: "under another name, with other properties",
    first: () => ({}),
    second: () => ({ event: "Order Changed", properties: { total: 2 } }),
  },
];

describe("a duplicate", () => {
  it.each(SAME_SHARD)("$name", async ({ first, second, how }) => {
    const message = newMessage();
    const nowMs = Date.now();
    expect(await sendFrom(pipeline, { ...message, ...first(nowMs) })).toEqual(TAKEN);
    expect(await sendFrom(pipeline, { ...message, ...second(nowMs) }, how)).toEqual(KNOWN);
  });

  it("inside one batch, next to the first copy and far from it", async () => {
    const message = newMessage();
    const others = Array.from({ length: 50 }, () => newMessage({ anonymousId: "device-2" }));
    const batch = [message, message, ...others, { ...message, anonymousId: "device-3" }];
    expect(await sendFrom(pipeline, { batch, sentAt: at(Date.now()) })).toEqual({ accepted: 51, duplicates: 2 });
    expect(await sendFrom(pipeline, { batch, sentAt: at(Date.now()) })).toEqual({ accepted: 0, duplicates: 53 });
  });

  it("in twenty simultaneous requests", async () => {
    const message = newMessage();
    const answers = await Promise.all(Array.from({ length: 20 }, () => sendFrom(pipeline, message)));
    expect(answers.filter(({ accepted }) => accepted === 1)).toHaveLength(1);
    expect(answers.filter(({ duplicates }) => duplicates === 1)).toHaveLength(19);
  });

  it("all messages are once in each tier", () => expectOncePerTier());
});

describe("a duplicate through another region", () => {
  const regions = ["EU", "AS", "OC", "AF", "SA", "NA"] as const;

  it.each([
    ["with a time", () => ({ timestamp: at(Date.now()) })],
    ["without a time", () => ({})],
    [
      "from a clock that is an hour fast",
      () => ({ timestamp: at(Date.now() + 60 * MINUTE_MS), sentAt: at(Date.now() + 60 * MINUTE_MS) }),
    ],
  ])("in all regions at the same time, without a mark, %s", async (_name, times) => {
    const message = newMessage(times());
    // In each region the shard sees the message for the first time. The duplicate is found after the stream.
    const answers = await Promise.all(regions.map((continent) => sendFrom(pipeline, message, { continent })));
    expect(answers).toEqual(regions.map(() => TAKEN));
  });

  it.each<Case>([
    { name: "seconds later, marked as a retry", first: () => ({}), second: () => ({}), how: { retryCount: 1 } },
    {
      name: "with a time a few minutes ago",
      first: (nowMs) => ({ timestamp: at(nowMs - 5 * MINUTE_MS) }),
      second: (nowMs) => ({ timestamp: at(nowMs - 5 * MINUTE_MS) }),
    },
    {
      name: "with another `sentAt`, which changes the correction of its time",
      first: (nowMs) => ({ timestamp: at(nowMs - 20 * MINUTE_MS), sentAt: at(nowMs) }),
      second: (nowMs) => ({ timestamp: at(nowMs - 20 * MINUTE_MS), sentAt: at(nowMs - 60 * MINUTE_MS) }),
    },
    {
      name: "from a clock that is hours fast",
      first: (nowMs) => ({ timestamp: at(nowMs + 120 * MINUTE_MS), sentAt: at(nowMs + 120 * MINUTE_MS) }),
      second: (nowMs) => ({ timestamp: at(nowMs + 120 * MINUTE_MS), sentAt: at(nowMs + 121 * MINUTE_MS) }),
    },
  ])("$name", async ({ first, second, how = {} }) => {
    const message = newMessage();
    const nowMs = Date.now();
    expect(await sendFrom(pipeline, { ...message, ...first(nowMs) }, { continent: "EU" })).toEqual(TAKEN);
    expect(await sendFrom(pipeline, { ...message, ...second(nowMs) }, { ...how, continent: "AS" })).toEqual(TAKEN);
  });

  it("inside a batch with other events", async () => {
    const message = newMessage({ timestamp: at(Date.now() - MINUTE_MS) });
    expect(await sendFrom(pipeline, { batch: [message, newMessage()] }, { continent: "EU" })).toMatchObject({
      accepted: 2,
    });
    const copies = await sendFrom(pipeline, { batch: [newMessage(), message, message] }, { continent: "SA" });
    expect(copies).toEqual({ accepted: 2, duplicates: 1 });
  });

  it("all messages are once in each tier", () => expectOncePerTier());
});

describe("in a project of several shards", () => {
  let project: string;
  let writeKey: string;
  const own = new Set<string>();

  beforeAll(async () => {
    const make = async (path: string, body: object) => {
      const { status, body: answer } = await pipeline.read(path, { method: "POST", body: JSON.stringify(body) });
      expect(status).toBe(201);
      return (answer as { data: { id: string; key: string } }).data;
    };
    const settings = { consentRegime: "opt-out" };
    project = (await make("/v1/admin/projects", { name: "Large", shards: 4, settings })).id;
    writeKey = (await make("/v1/admin/keys", { projectId: project, kind: "public" })).key;
  });

  it("duplicates that name other subjects reach other shards", async () => {
    const messageId = randomUUID();
    own.add(messageId);
    const copy = (anonymousId: string) => ({
      type: "track",
      event: "Order Completed",
      messageId,
      anonymousId,
      timestamp: at(Date.now() - MINUTE_MS),
    });
    const subjects = Array.from({ length: 12 }, (_, index) => `device-${index}`);
    const answers = await Promise.all(subjects.map((subject) => sendFrom(pipeline, copy(subject), { writeKey })));
    const accepted = answers.reduce((sum, answer) => sum + answer.accepted, 0);
    expect(accepted).toBeGreaterThan(1);
    expect(accepted).toBeLessThanOrEqual(4);
  });

  it("the same id in another project is another message", async () => {
    const [messageId] = messages;
    own.add(messageId as string);
    const event = { type: "track", event: "Order Completed", messageId, anonymousId: "device-1" };
    expect(await sendFrom(pipeline, event, { writeKey })).toEqual(TAKEN);
  });

  it("each message is once in each tier, in both projects", async () => {
    await expectOncePerTier(project, own);
    await expectOncePerTier();
  });
});

describe("a duplicate a day later", () => {
  it("is found by the shard that stored the first copy, and each tier has the message once", async () => {
    const nowMs = Date.now();
    // The clock is a day behind and is corrected by `sentAt`. Every part that sees the duplicate recognizes the message of the
    // day before.
    const times = { timestamp: at(nowMs - DAY_MS), sentAt: at(nowMs - DAY_MS) };
    const message = newMessage(times);
    const without = newMessage();
    expect(await sendFrom(pipeline, message)).toEqual(TAKEN);
    expect(await sendFrom(pipeline, without)).toEqual(TAKEN);
    await expectOncePerTier();
    expect(await pipeline.stop()).toBe(0);
    expect(agePastMessages(pipeline.dataDir, DAY_MS)).toBeGreaterThan(0);
    await pipeline.restart();
    expect(await sendFrom(pipeline, { ...message, sentAt: at(Date.now()) })).toEqual(KNOWN);
    expect(await sendFrom(pipeline, { ...message, sentAt: at(Date.now()) }, { retryCount: 3 })).toEqual(KNOWN);
    expect(await sendFrom(pipeline, without)).toEqual(KNOWN);
    // The shard of another region does not know the message. The duplicate is found after the stream.
    expect(await sendFrom(pipeline, { ...message, sentAt: at(Date.now()) }, { continent: "EU" })).toEqual(TAKEN);
    await expectOncePerTier();
  });
});
