// Tests that standings join to the same result in any order, and that data between objects is read as it was written. ADR 009.

import { describe, expect, it } from "vitest";
import { ENTRY_KIND, HOMES, homeOfTopic, LedgerIds, legacyEntryOf, topicOf } from "../../src/ledger/entry.ts";
import {
  type ConsentRecord,
  join,
  NO_STANDING,
  packStandings,
  type Standing,
  standingOf,
  unpackStandings,
} from "../../src/ledger/standing.ts";
import { callObject } from "../../src/outbound/object-call.ts";
import { ID_BUCKETS } from "../../src/placement/bucket.ts";
import { shardIndex } from "../../src/placement/shard-name.ts";
import { consentChanges, entriesOf, packSubjects, subjectsFromVersion1 } from "../../src/shard/consent-claim.ts";

const SECRET = "a-secret-of-at-least-32-characters";

function record(change: Partial<ConsentRecord>): ConsentRecord {
  const base = { record: "r", recordedAtMs: 100, occurredAtMs: 100, method: "m", noticeVersion: null };
  return { ...base, purposes: {}, ...change };
}

/** All verdicts of a purpose, at few different times, so that equal times are frequent. */
const STANDINGS: Standing[] = (["granted", "denied", undefined] as const).flatMap((analytics) =>
  (["granted", "denied", undefined] as const).flatMap((advertising) =>
    [50, 100, 150].flatMap((occurredAtMs) =>
      [100, 150].map((recordedAtMs) =>
        standingOf(
          record({
            occurredAtMs,
            recordedAtMs,
            purposes: { ...(analytics ? { analytics } : {}), ...(advertising ? { advertising } : {}) },
          }),
        ),
      ),
    ),
  ),
);

describe("standings", () => {
  it("join to the same result in any order and any number of times", () => {
    for (const a of STANDINGS) {
      expect(join(a, a)).toEqual(a);
      expect(join(a, NO_STANDING)).toEqual(a);
      for (const b of STANDINGS) {
        expect(join(a, b)).toEqual(join(b, a));
        expect(join(join(a, b), b)).toEqual(join(a, b));
        for (const c of STANDINGS.slice(0, 12)) expect(join(join(a, b), c)).toEqual(join(a, join(b, c)));
      }
    }
  });

  it("a refusal holds from its receipt, a grant from when it was given and never from the future", () => {
    for (const occurredAtMs of [0, 50, 100, 1e12]) {
      const refused = standingOf(record({ occurredAtMs, purposes: { analytics: "denied" } }));
      expect(refused.analytics).toEqual({ verdict: "denied", sinceMs: 100 });
      const granted = standingOf(record({ occurredAtMs, purposes: { analytics: "granted" } }));
      expect(granted.analytics).toEqual({ verdict: "granted", sinceMs: Math.min(occurredAtMs, 100) });
    }
  });

  it("no grant given before a refusal came in outweighs it, and of one moment the refusal counts", () => {
    for (let recordedAtMs = 90; recordedAtMs <= 110; recordedAtMs++) {
      const refused = standingOf(record({ purposes: { analytics: "denied" } }));
      const granted = standingOf(
        record({ recordedAtMs, occurredAtMs: recordedAtMs, purposes: { analytics: "granted" } }),
      );
      expect(join(refused, granted).analytics.verdict).toBe(recordedAtMs > 100 ? "granted" : "denied");
    }
  });

  it("travel as they are; what is not whole is refused", () => {
    const entry = (index: number) => Uint8Array.from({ length: 18 }, (_, at) => (index * 7 + at) & 0xff);
    const listed = STANDINGS.map((standing, index) => ({ entry: entry(index), standing }));
    const packed = packStandings(listed);
    expect(unpackStandings(packed)).toEqual(listed);
    expect(() => unpackStandings(packed.subarray(1))).toThrow("another layout");
  });
});

describe("entries", () => {
  const ids = LedgerIds.of("project", SECRET) as LedgerIds;

  it("are of one kind, bucket and home for one id, another with another secret, project or kind", () => {
    const seen = new Set<string>();
    for (const secret of [SECRET, `${SECRET}!`]) {
      for (const project of ["project", "other"]) {
        for (const kind of ["anonymousId", "userId"] as const) {
          const entry = (LedgerIds.of(project, secret) as LedgerIds).entry(kind, "id");
          expect(entry[0]).toBe(ENTRY_KIND[kind]);
          expect(topicOf(entry) & 0xff).toBe(topicOf(ids.entry("userId", "id")) & 0xff);
          seen.add([...entry].join());
        }
      }
    }
    expect(seen.size).toBe(8);
    expect(ids.entry("userId", "id")).toEqual((LedgerIds.of("project", SECRET) as LedgerIds).entry("userId", "id"));
    expect(LedgerIds.of("project", "short")).toBeNull();
    expect(LedgerIds.of("project", undefined)).toBeNull();
  });

  it("of devices of one shard are in few buckets, for each power of two", () => {
    for (let shards = 1; shards <= ID_BUCKETS; shards *= 2) {
      const topics = new Set<number>();
      const homes = new Set<number>();
      const sizes = new Map<number, number>();
      for (let i = 0; i < 4_096; i++) {
        const index = shardIndex(`device-${i}`, shards);
        sizes.set(index, (sizes.get(index) ?? 0) + 1);
        if (index !== 0) continue;
        const topic = topicOf(ids.entry("anonymousId", `device-${i}`));
        topics.add(topic);
        homes.add(homeOfTopic(topic));
      }
      expect(topics.size).toBeLessThanOrEqual(ID_BUCKETS / shards);
      expect(homes.size).toBeLessThanOrEqual(Math.max(1, HOMES / shards));
      expect(sizes.size).toBe(shards);
    }
  });
});

describe("the ids of events", () => {
  const ids = LedgerIds.of("project", SECRET) as LedgerIds;

  it("are read as they were packed, none and several to an event", () => {
    const events = [[ids.entry("userId", "a")], [], [ids.entry("anonymousId", "b"), legacyEntryOf("anonymousId", "b")]];
    const read = [...entriesOf(packSubjects(events))].map((entries) => [...entries]);
    expect(read).toEqual(events.map((entries) => entries.flatMap((entry) => [...entry])));
    expect(() => [...entriesOf(packSubjects(events).subarray(0, -1))]).toThrow("break off");
    expect([...entriesOf(subjectsFromVersion1(new Uint8Array(32)))].map(({ byteLength }) => byteLength)).toEqual([
      0, 0,
    ]);
  });

  it("that are too few for the claim are a fault, never an event judged by nobody's", () => {
    const claim = { tables: new Uint8Array(9), tableOf: new Uint8Array(2), packedAs: new Uint8Array(2) };
    const subjects = packSubjects([[ids.entry("userId", "a")]]);
    expect(() => consentChanges({ ...claim, subjects }, () => 0)).toThrow("all its events");
  });
});

describe("a call to another object", () => {
  const failing = (faults: object[]) => {
    let calls = 0;
    const call = async () => {
      const fault = faults[calls++];
      if (fault !== undefined) throw Object.assign(new Error("fault"), fault);
      return calls;
    };
    return { call, count: () => calls };
  };

  it.each([
    ["is tried again where that may help", [{ retryable: true }], "2", 2],
    ["is tried again once", [{ retryable: true }, { retryable: true }], "fault", 2],
    ["is not tried again on an object that has too much to do", [{ retryable: true, overloaded: true }], "fault", 1],
    ["is not tried again otherwise", [{}], "fault", 1],
  ])("%s", async (_name, faults, outcome, count) => {
    const { call, count: counted } = failing(faults);
    expect(await callObject(call).then(String, (fault: Error) => fault.message)).toBe(outcome);
    expect(counted()).toBe(count);
  });
});
