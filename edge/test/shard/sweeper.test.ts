// The sweeper visits every shard that may hold rows, whatever became of their timers and alarms. DESIGN E4.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { sweepShards } from "../../src/shard/sweeper.ts";
import { newProject } from "../keys.ts";
import { setFaults, streamState } from "../kinesis/stream.ts";
import { append, appendInput, shardOf, storedRows } from "./stub.ts";

afterEach(() => vi.useRealTimers());

const directory = () => env.DIRECTORY.get(env.DIRECTORY.idFromName("shards"));

async function untilRegistered(project: string): Promise<void> {
  await vi.waitFor(async () => expect(await directory().listProject(project)).toEqual([`${project}:na:0`]));
}

describe("sweeper", () => {
  it("delivers what lies in a shard that has neither timer nor alarm", async () => {
    const project = newProject("sweep");
    await setFaults(project, [{ kind: "status", status: 400, type: "Throttled", times: 1 }]);
    await append(project, appendInput(["a"]));
    await untilRegistered(project);
    await vi.waitFor(async () => expect((await streamState(project)).calls).toBe(1));
    await runInDurableObject(shardOf(project), (_shard, { storage }) => storage.deleteAlarm());
    await sweepShards(env);
    expect(await storedRows(project)).toEqual([]);
    expect((await streamState(project)).arrived).toHaveLength(1);
  });

  it("one that fails keeps no other from being visited", async () => {
    const [bad, good] = [newProject("a-bad"), newProject("b-good")];
    await setFaults(bad, [{ kind: "reset", times: 1_000_000 }]);
    await setFaults(good, [{ kind: "status", status: 400, type: "Throttled", times: 1 }]);
    for (const project of [bad, good]) {
      await append(project, appendInput(["a"]));
      await untilRegistered(project);
    }
    await directory().register("not-a-shard");
    await vi.waitFor(async () => expect((await streamState(good)).calls).toBe(1));
    await sweepShards(env);
    expect(await storedRows(good)).toEqual([]);
    expect(await storedRows(bad)).toHaveLength(1);
  });

  it("forgets a shard only when it has been silent and empty for two days", async () => {
    const project = newProject("silent");
    await append(project, appendInput(["a"]));
    await untilRegistered(project);
    await vi.waitFor(async () => expect(await storedRows(project)).toEqual([]));
    await sweepShards(env);
    expect(await directory().listProject(project)).toHaveLength(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 49 * 3_600_000 });
    await sweepShards(env);
    expect(await directory().listProject(project)).toEqual([]);
  });

  it("lists the shards of one project and of no other", async () => {
    const project = newProject("list");
    await directory().register(`${project}:na:0`);
    await directory().register(`${project}:eu:3`);
    await directory().register(`${project}x:na:0`);
    expect(await directory().listProject(project)).toEqual([`${project}:eu:3`, `${project}:na:0`]);
  });
});
