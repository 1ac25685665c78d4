// Tests a shard with the streams of two regions, each a real emulator. Records that one stream does not accept go to the other
// stream, and back when the first stream works again. An outage of both for a day loses no event. E4, E13. failover.test.ts tests
// the choice of the region; http/failover.test.ts tests real processes that crash.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeFrame } from "@behaviour/contract";
import { afterEach, beforeAll, describe, expect, inject, it, vi } from "vitest";
import type { BufferShard } from "../../src/shard/shard.ts";
import { newProject } from "../keys.ts";
import type { Fault } from "../servers/kinesis/faults.ts";
import { bytesOf, setFaults, streamState } from "../servers/kinesis/stream.ts";
import { append, appendInput, loseMemory, runAlarm, shardOf, storedRows } from "./stub.ts";

const PRIMARY = env.KINESIS_ENDPOINT;
const SECONDARY = inject("secondaryKinesisEndpoint");
const MINUTE_MS = 60_000;

const always = (fault: Fault): Fault[] => [{ ...fault, times: 1_000_000 }];
const DOWN = always({ kind: "reset" });
const REFUSING = always({ kind: "status", status: 400, type: "ProvisionedThroughputExceededException" });
const FAILING = always({ kind: "status", status: 503, type: "ServiceUnavailable" });

afterEach(() => vi.useRealTimers());

/** Changes the environment that objects of this file receive. Running objects read it at their first flush. */
beforeAll(async () => {
  await runInDurableObject(shardOf(newProject("environment")), (shard: BufferShard) => {
    const { env: given } = shard as unknown as { env: Record<string, string> };
    Object.assign(given, { SECONDARY_AWS_REGION: "eu-west-1", SECONDARY_KINESIS_ENDPOINT: SECONDARY });
  });
  await loseMemory();
});

/** Ids on a region's stream, in order of arrival. */
async function arrivedIn(project: string, endpoint: string): Promise<string[]> {
  const { arrived } = await streamState(project, endpoint);
  return arrived.flatMap((record) =>
    [...decodeFrame(bytesOf(record))].flatMap(({ value }) => (value as { ids?: string[] }).ids ?? []),
  );
}

async function untilEmptied(project: string): Promise<void> {
  await vi.waitFor(
    async () => {
      await runAlarm(project);
      expect(await storedRows(project)).toEqual([]);
    },
    { timeout: 15_000, interval: 20 },
  );
}

describe("two regions", () => {
  it.each([
    ["down", DOWN],
    ["throttled", REFUSING],
    ["failing", FAILING],
  ])(
    "with the primary %s send everything to the secondary, and to the primary again when it works",
    async (_name, faults) => {
      const project = newProject("failover");
      await setFaults(project, faults);
      for (const id of ["a", "b", "c"]) await append(project, appendInput([id]));
      await untilEmptied(project);
      expect((await arrivedIn(project, SECONDARY)).sort()).toEqual(["a", "b", "c"]);
      expect(await arrivedIn(project, PRIMARY)).toEqual([]);

      await setFaults(project, []);
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * MINUTE_MS });
      await append(project, appendInput(["d"]));
      await untilEmptied(project);
      expect(await arrivedIn(project, PRIMARY)).toEqual(["d"]);
      expect(await arrivedIn(project, SECONDARY)).toHaveLength(3);
    },
  );

  it("mark the copies in the secondary if the primary stores records without an answer", async () => {
    const project = newProject("both-have-it");
    await setFaults(project, always({ kind: "commit_then_reset" }));
    await append(project, appendInput(["a"]));
    await untilEmptied(project);
    const { arrived } = await streamState(project, SECONDARY);
    const lines = arrived.flatMap((record) => [...decodeFrame(bytesOf(record))].map(({ value }) => value));
    expect(lines).toMatchObject([{ ids: ["a"] }, { redelivery: true }]);
    expect(new Set(await arrivedIn(project, PRIMARY))).toEqual(new Set(["a"]));
  });

  it("keep events when both are down, and send them to the region that recovers first", async () => {
    const project = newProject("second-first");
    await setFaults(project, REFUSING);
    await setFaults(project, REFUSING, SECONDARY);
    for (const id of ["a", "b"]) await append(project, appendInput([id]));
    for (let tries = 0; tries < 6; tries++) await runAlarm(project);
    expect(await storedRows(project)).toHaveLength(2);
    await setFaults(project, [], SECONDARY);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    await vi.waitFor(
      async () => {
        vi.setSystemTime(Date.now() + 30_000);
        await runAlarm(project);
        expect(await storedRows(project)).toEqual([]);
      },
      { timeout: 15_000, interval: 20 },
    );
    expect((await arrivedIn(project, SECONDARY)).sort()).toEqual(["a", "b"]);
    expect(await arrivedIn(project, PRIMARY)).toEqual([]);
  });
});

describe("an outage of both regions for a day", () => {
  it("ends with every event delivered once by alarms alone, and duplicates sent meanwhile are recognised", async () => {
    const project = newProject("day");
    await setFaults(project, REFUSING);
    await setFaults(project, REFUSING, SECONDARY);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const names: string[] = [];
    const takeOne = async () => {
      const name = `m-${names.length}`;
      expect(await append(project, appendInput([name]))).toMatchObject({ outcome: "stored" });
      names.push(name);
    };
    for (let i = 0; i < 10; i++) await takeOne();
    for (let minute = 0; minute < 24 * 60; minute += 12) {
      vi.setSystemTime(Date.now() + 12 * MINUTE_MS);
      if (minute % 240 === 120) await loseMemory();
      expect(await runAlarm(project), `an alarm stands after ${minute} minutes`).toBe(true);
      if (minute % 180 === 0) await takeOne();
    }
    const calls = (await streamState(project, SECONDARY)).calls;
    expect(calls, "the secondary was tried all day").toBeGreaterThan(20);
    expect([...(await arrivedIn(project, PRIMARY)), ...(await arrivedIn(project, SECONDARY))]).toEqual([]);
    for (const name of [names[0], names.at(-1)]) {
      const copy = appendInput([name as string], { oldestMs: Date.now() - 25 * 60 * MINUTE_MS });
      expect(await append(project, copy)).toMatchObject({ outcome: "again", duplicates: [0] });
    }
    await setFaults(project, []);
    await setFaults(project, [], SECONDARY);
    vi.setSystemTime(Date.now() + 2 * MINUTE_MS);
    await untilEmptied(project);
    const delivered = [...(await arrivedIn(project, PRIMARY)), ...(await arrivedIn(project, SECONDARY))];
    expect(delivered.sort()).toEqual(names.sort());
  });
});
