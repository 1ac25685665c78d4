// Tests the profiles of signed-in people in the hot tier: the last events, counts and traits. Each event counts once, for any
// repeated delivery, through any shard, and for a crash of the consumer at any point.

import { randomBytes } from "node:crypto";
import type { EnrichedEvent } from "@behaviour/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addToProfile, RECENT_EVENTS } from "../../src/tiers/hot/profile.ts";
import { readProfile } from "../../src/tiers/hot/profiles.ts";
import { HotTier } from "../../src/tiers/hot/tier.ts";
import { Crash, CrashPlan, type CrashSide, crashingClient } from "./crash.ts";
import { copyOf, freshName, runOf } from "./events.ts";
import { openStores, scanEvents, type TierStores } from "./stores.ts";

const HOUR_MS = 3_600_000;

let stores: TierStores;
beforeAll(async () => {
  stores = await openStores();
}, 120_000);
afterAll(async () => {
  await stores?.stop();
});

const open = (crash?: CrashPlan) =>
  new HotTier({
    dynamodb: crash === undefined ? stores.dynamodb : crashingClient(stores.dynamodb, crash),
    profiles: true,
  });

interface Person {
  project: string;
  subject: string;
  events: EnrichedEvent[];
}

function person(count: number, project = freshName("p"), rawShard = freshName("shardId")): Person {
  const subject = randomBytes(16).toString("hex");
  const nowMs = Date.now() - 60_000;
  const events = runOf({ project, rawShard, count }).map((event, place) => ({
    ...event,
    subject,
    timeMs: nowMs + place * 10,
    receivedAtMs: nowMs + place * 10 + 5,
    traits: place % 4 === 0 ? { plan: `plan-${place}` } : {},
  }));
  return { project, subject, events };
}

async function expectHeld({ project, subject, events }: Person): Promise<void> {
  const profile = await readProfile(stores.dynamodb, project, subject, Date.now());
  const newest = events.toReversed().slice(0, RECENT_EVENTS);
  expect(profile).toMatchObject({
    eventCount: events.length,
    firstSeenMs: events[0]?.timeMs,
    lastSeenMs: events.at(-1)?.timeMs,
    traits: { plan: `plan-${Math.floor((events.length - 1) / 4) * 4}` },
  });
  expect(profile?.recent).toEqual(
    newest.map(({ messageId, event, timeMs }) => ({ messageId, event: event ?? "", timeMs })),
  );
  expect(await scanEvents(stores.dynamodb, project)).toBe(events.length);
}

describe("a profile", () => {
  it("holds the last events, counts, times and traits, for any number of deliveries", async () => {
    const one = person(70);
    const tier = open();
    await tier.load(one.events.slice(0, 30));
    await tier.load(one.events.slice(0, 45));
    await open().load(one.events.slice(20));
    await open().load(one.events);
    await expectHeld(one);
  });

  it("does not count duplicates that arrive through another shard", async () => {
    const one = person(12);
    await open().load(one.events);
    await open().load(one.events.map((event, place) => copyOf(event, freshName("other"), place)));
    await expectHeld(one);
  });

  it("holds each event once after a crash of its consumer at any call", async () => {
    for (const side of ["before", "after"] satisfies CrashSide[]) {
      for (let call = 1; call < 60; call++) {
        const one = person(6);
        const crash = new CrashPlan(call, side);
        try {
          await open(crash).load(one.events.slice(0, 5));
        } catch (fault) {
          if (!(fault instanceof Crash)) throw fault;
        }
        await open().load(one.events.slice(0, 3));
        await open().load(one.events);
        await expectHeld(one);
        if (!crash.crashed) break;
      }
    }
  }, 60_000);

  it("counts events of two shards that two consumers load at the same time", async () => {
    const project = freshName("p");
    const one = person(10, project);
    const other = person(10, project);
    const theirs = other.events.map((event) => ({ ...event, subject: one.subject }));
    for (const end of await Promise.allSettled([open().load(one.events), open().load(theirs)])) {
      if (end.status === "rejected") throw end.reason;
    }
    expect((await readProfile(stores.dynamodb, project, one.subject, Date.now()))?.eventCount).toBe(20);
  });

  it("is not stored for persons who never signed in", async () => {
    const one = person(3);
    await open().load(one.events.map((event) => ({ ...event, anonymousSubject: event.subject })));
    expect(await readProfile(stores.dynamodb, one.project, one.subject, Date.now())).toBeNull();
  });

  it("is not shown after it expired or to another project, and starts again from zero", async () => {
    const one = person(3);
    await open().load(one.events);
    const laterMs = Date.now() + 49 * HOUR_MS;
    expect(await readProfile(stores.dynamodb, one.project, one.subject, laterMs)).toBeNull();
    expect(await readProfile(stores.dynamodb, freshName("p"), one.subject, Date.now())).toBeNull();
    const again = person(2, one.project);
    const events = again.events.map((event) => ({
      ...event,
      subject: one.subject,
      timeMs: laterMs,
      receivedAtMs: laterMs,
    }));
    await new HotTier({ dynamodb: stores.dynamodb, profiles: true, nowMs: () => laterMs }).load(events);
    expect((await readProfile(stores.dynamodb, one.project, one.subject, laterMs))?.eventCount).toBe(2);
  });
});

describe("addToProfile", () => {
  it("keeps the newest traits for any order of events, and ignores events that it contains", () => {
    const { events } = person(3);
    const [first, second, third] = events as [EnrichedEvent, EnrichedEvent, EnrichedEvent];
    const late = { ...second, traits: { plan: "older" }, timeMs: first.timeMs - 1 };
    const profile = addToProfile(null, [first, late]);
    expect(profile?.traits).toEqual(first.traits);
    expect(profile?.firstSeenMs).toBe(late.timeMs);
    expect(addToProfile(profile, [first, late])).toBeNull();
    expect(addToProfile(profile, [late, third])?.eventCount).toBe(3);
  });
});
