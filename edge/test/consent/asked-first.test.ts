// Tests that events are packed for the likely state of the ledger. In an opt-in regime this is "unknown": the content of events
// stays in the Worker until a shard reports that the visitor granted. After that, an event costs one call again.
// docs/security/EDGE_AUDIT.md, finding 30, I6.

import { expect, it } from "vitest";
import { unpackAppends } from "../../src/shard/append-call.ts";
import { packAppends1 } from "../../src/shard/append-call-1.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { untilArrived } from "../servers/kinesis/stream.ts";
import { type Spied, spiedEnv } from "../shard/spied-env.ts";
import { shardOf } from "../shard/stub.ts";

const CANARY = "canary-of-a-visitor";
const OPT_IN = { consentRegime: "opt-in" } as const;
const COOKIELESS = { ...OPT_IN, whenAnalyticsDenied: "cookieless" } as const;

const canaryEvent = (change: Record<string, unknown> = {}) =>
  goodEvent({ properties: { secret: CANARY }, anonymousId: `device-${crypto.randomUUID()}`, ...change });

function appendsOf({ calls }: Spied) {
  return calls.flatMap((call) => (call.method === "append2" ? [call] : []));
}

function holdsCanary(spied: Spied): boolean {
  return appendsOf(spied).some(({ call }) => new TextDecoder("latin1").decode(call.bytes).includes(CANARY));
}

async function consent(key: string, anonymousId: string, analytics: "granted" | "denied") {
  const purposes = { analytics, advertising: analytics };
  const answer = await send("/v1/consent", { body: { anonymousId, purposes, method: "test" }, headers: bearer(key) });
  expect(answer.status).toBe(200);
}

it("an event that is dropped without consent costs one call, and no part of it leaves the Worker", async () => {
  const key = await newKey({ project: newProject("unknown"), settings: OPT_IN });
  const spied = spiedEnv();
  for (let i = 0; i < 5; i++) {
    expect((await spied.send(key, "/v1/track", canaryEvent())).body).toMatchObject({ accepted: 0, suppressed: 1 });
  }
  expect((await spied.send(key, "/v1/batch", { batch: [canaryEvent(), canaryEvent()] })).body.suppressed).toBe(2);
  expect(appendsOf(spied)).toHaveLength(6);
  expect(holdsCanary(spied)).toBe(false);
});

it("a visitor who granted consent costs one call per event, except the first in an isolate", async () => {
  const project = newProject("granted");
  const key = await newKey({ project, settings: OPT_IN });
  const { anonymousId } = canaryEvent();
  await consent(key, anonymousId as string, "granted");
  const spied = spiedEnv();
  const events = Array.from({ length: 6 }, () => canaryEvent({ anonymousId }));
  const costs: number[] = [];
  for (const event of events) {
    const before = appendsOf(spied).length;
    expect((await spied.send(key, "/v1/track", event)).body).toMatchObject({ accepted: 1, suppressed: 0 });
    costs.push(appendsOf(spied).length - before);
  }
  expect(costs.slice(1)).toEqual([1, 1, 1, 1, 1]);
  const ids = events.map(({ messageId }) => messageId);
  expect([...(await untilArrived(project, ids)).keys()].sort()).toEqual([...ids].sort());
});

it("who withdraws is dropped with the next event, and from the one after nothing leaves the Worker", async () => {
  const key = await newKey({ project: newProject("withdrawn"), settings: OPT_IN });
  const { anonymousId } = canaryEvent();
  const spied = spiedEnv();
  const sendOne = async (change = {}) =>
    (await spied.send(key, "/v1/track", canaryEvent({ anonymousId, ...change }))).body;
  await consent(key, anonymousId as string, "granted");
  expect((await sendOne()).accepted).toBe(1);
  await consent(key, anonymousId as string, "denied");
  expect((await sendOne()).suppressed).toBe(1);
  spied.calls.length = 0;
  expect((await sendOne()).suppressed).toBe(1);
  expect(appendsOf(spied)).toHaveLength(1);
  expect(holdsCanary(spied)).toBe(false);
});

it("an opt-out refusal is cached as well", async () => {
  const key = await newKey({ project: newProject("refused") });
  const { anonymousId } = canaryEvent();
  await consent(key, anonymousId as string, "denied");
  const spied = spiedEnv();
  expect((await spied.send(key, "/v1/track", canaryEvent({ anonymousId }))).body.suppressed).toBe(1);
  spied.calls.length = 0;
  expect((await spied.send(key, "/v1/track", canaryEvent({ anonymousId }))).body.suppressed).toBe(1);
  expect(appendsOf(spied)).toHaveLength(1);
  expect(holdsCanary(spied)).toBe(false);
});

it("cookieless events are packed once, and whole again once the visitor grants", async () => {
  const project = newProject("cookieless");
  const key = await newKey({ project, settings: COOKIELESS });
  const { anonymousId } = canaryEvent();
  const spied = spiedEnv();
  const first = canaryEvent({ anonymousId });
  expect((await spied.send(key, "/v1/track", first)).body.accepted).toBe(1);
  expect(appendsOf(spied)).toHaveLength(1);
  await consent(key, anonymousId as string, "granted");
  const second = canaryEvent({ anonymousId });
  expect((await spied.send(key, "/v1/track", second)).body.accepted).toBe(1);
  const arrived = await untilArrived(project, [first.messageId, second.messageId]);
  expect(arrived.get(first.messageId)).toMatchObject({ anonymousId: expect.stringMatching(/^cookieless-/) });
  expect(arrived.get(second.messageId)).toMatchObject({ anonymousId, properties: { secret: CANARY } });
});

it("a batch of all kinds: each event by its own state, each in one answer", async () => {
  const project = newProject("kinds");
  const key = await newKey({ project, settings: OPT_IN });
  const granted = canaryEvent();
  await consent(key, granted.anonymousId as string, "granted");
  const batch = [granted, canaryEvent(), { ...granted, messageId: "another" }, granted];
  for (const duplicates of [1, 3]) {
    const { body } = await send("/v1/batch", { body: { batch }, headers: bearer(key) });
    expect(body).toMatchObject({ accepted: 3 - duplicates, suppressed: 1, duplicates, rejected: [] });
  }
  await untilArrived(project, [granted.messageId, "another"]);
});

it("a shard of the previous release stores nothing of what it is asked about", async () => {
  const project = newProject("older");
  const key = await newKey({ project, settings: OPT_IN });
  const spied = spiedEnv();
  await spied.send(key, "/v1/track", canaryEvent());
  const [asked] = appendsOf(spied);
  if (asked === undefined) throw new Error("no call");
  const inputs = unpackAppends(asked.call);
  expect(inputs.map(({ data }) => data.byteLength)).toEqual([0]);
  const [answer] = await shardOf(project).append(packAppends1(inputs));
  expect(answer).toMatchObject({ outcome: "again", duplicates: [], changes: [{ index: 0 }] });
});
