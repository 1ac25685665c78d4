// Tests that the sweeper visits every shard that may hold rows, even if its timers and alarms are lost. E4.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { directoryNamed, directoryOf, listShards } from "../../src/placement/directories.ts";
import { ShardDirectory } from "../../src/placement/directory.ts";
import { shardName } from "../../src/placement/shard-name.ts";
import { SWEEP_CALLS_MAX, Sweep, type SweptDirectory, type SweptShard, sweepShards } from "../../src/shard/sweeper.ts";
import { newProject } from "../keys.ts";
import { setFaults, streamState } from "../servers/kinesis/stream.ts";
import { append, appendInput, shardOf, storedRows, untilFlushed } from "./stub.ts";

const HOUR_MS = 3_600_000;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Sweeps until `done` passes, because the sweeper does not wait for the shards' answers. */
async function sweepUntil(done: () => Promise<void>): Promise<void> {
  await vi.waitFor(
    async () => {
      await sweepShards(env);
      await done();
    },
    { timeout: 15_000, interval: 50 },
  );
}

async function isWaiting(project: string): Promise<boolean> {
  return runInDurableObject(directoryOf(env, project), (_directory, { storage }) => {
    const name = shardName(project, "na", 0);
    return storage.sql.exec("SELECT 1 FROM registered WHERE name = ? AND waiting = 1", name).toArray().length === 1;
  });
}

describe("sweeper", () => {
  it("delivers the rows of a shard that has neither timer nor alarm", async () => {
    const project = newProject("sweep");
    await setFaults(project, [{ kind: "status", status: 400, type: "Throttled", times: 1 }]);
    await append(project, appendInput(["a"]));
    await vi.waitFor(async () => expect((await streamState(project)).calls).toBe(1));
    await runInDurableObject(shardOf(project), (_shard, { storage }) => storage.deleteAlarm());
    await sweepShards(env);
    await untilFlushed(project);
    expect((await streamState(project)).arrived).toHaveLength(1);
  });

  it("is answered before the flush starts, so that a stream that hangs delays no run", async () => {
    const project = newProject("hanging");
    await setFaults(project, [{ kind: "reset", times: 1_000_000 }]);
    await append(project, appendInput(["a"]));
    const answers = await Promise.all([shardOf(project).sweep(), shardOf(project).sweep()]);
    expect(answers).toEqual([
      { rows: 1, registered: true },
      { rows: 1, registered: true },
    ]);
  });

  it("visits the other shards when one shard fails", async () => {
    const [bad, good] = [newProject("a-bad"), newProject("b-good")];
    await setFaults(bad, [{ kind: "reset", times: 1_000_000 }]);
    await setFaults(good, [{ kind: "status", status: 400, type: "Throttled", times: 1 }]);
    for (const project of [bad, good]) await append(project, appendInput(["a"]));
    await directoryNamed(env, "shards").register("not-a-shard");
    await vi.waitFor(async () => expect((await streamState(good)).calls).toBe(1));
    await sweepShards(env);
    await untilFlushed(good);
    expect(await storedRows(bad)).toHaveLength(1);
  });

  it("does not wake empty shards, and wakes each shard that has rows again", async () => {
    const project = newProject("quiet");
    await append(project, appendInput(["a"]));
    expect(await isWaiting(project)).toBe(true);
    await untilFlushed(project);
    await sweepShards(env);
    // The shard may hold rows again at any moment, so it stays on the list for a minute.
    expect(await isWaiting(project)).toBe(true);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    await sweepUntil(async () => expect(await isWaiting(project)).toBe(false));
    await append(project, appendInput(["b"]));
    await vi.waitFor(async () => expect(await isWaiting(project)).toBe(true));
  });

  it("is notified of rows at most once a minute, not with every flush", async () => {
    const project = newProject("telling");
    const name = shardName(project, "na", 0);
    await append(project, appendInput(["first"]));
    await untilFlushed(project);
    const setWaiting = vi.spyOn(ShardDirectory.prototype, "setWaiting");
    for (let turn = 0; turn < 5; turn++) {
      await append(project, appendInput([`turn-${turn}`]));
      await untilFlushed(project);
      await sweepShards(env);
    }
    expect(setWaiting.mock.calls.filter(([shard]) => shard === name)).toEqual([]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    await sweepUntil(async () => expect(await isWaiting(project)).toBe(false));
    expect(setWaiting.mock.calls.filter(([shard]) => shard === name)).toEqual([[name, false]]);
  });

  it("removes a shard only after two silent and empty days, and adds it again immediately", async () => {
    const project = newProject("silent");
    const name = shardName(project, "na", 0);
    const startMs = Date.now();
    await append(project, appendInput(["a"]));
    await untilFlushed(project);
    vi.useFakeTimers({ toFake: ["Date"], now: startMs + 61_000 });
    await sweepUntil(async () => expect(await isWaiting(project)).toBe(false));
    expect(await listShards(env, project)).toEqual([name]);
    vi.setSystemTime(startMs + 47 * HOUR_MS);
    await sweepShards(env);
    expect(await listShards(env, project)).toEqual([name]);
    vi.setSystemTime(startMs + 75 * HOUR_MS);
    await sweepShards(env);
    expect(await listShards(env, project)).toEqual([]);
    await append(project, appendInput(["b"]));
    expect(await listShards(env, project)).toEqual([name]);
  });

  it("does not remove a shard that received rows after it was asked to retire", async () => {
    const project = newProject("returned");
    const directory = directoryOf(env, project);
    const name = shardName(project, "na", 0);
    await append(project, appendInput(["a"]));
    await directory.setWaiting(name, false);
    const changedAtMs = await runInDurableObject(directory, (_directory, { storage }) =>
      Number(storage.sql.exec("SELECT changed_at_ms AS at FROM registered WHERE name = ?", name).one().at),
    );
    await directory.registerShard(name, []);
    await directory.forget([{ name, changedAtMs }]);
    expect(await listShards(env, project)).toEqual([name]);
  });
});

describe("a directory", () => {
  it("lists the shards of one project only, by a range of names", async () => {
    const project = newProject("list");
    const directory = directoryOf(env, project);
    for (const name of [`${project}:na:0`, `${project}:eu:3`, `${project}x:na:0`, `${project}-x:na:0`, "zz:na:0"]) {
      await directory.registerShard(name, []);
    }
    expect(await listShards(env, project)).toEqual([`${project}:eu:3`, `${project}:na:0`]);
    const plan = await runInDurableObject(directory, (_directory, { storage }) =>
      JSON.stringify(
        storage.sql.exec("EXPLAIN QUERY PLAN SELECT name FROM registered WHERE name >= 'p:' AND name < 'p;'").toArray(),
      ),
    );
    expect(plan).toContain("SEARCH");
  });

  it("of the previous release is still read until its shards have registered again", async () => {
    const project = newProject("before");
    const old = directoryNamed(env, "shards");
    const name = shardName(project, "na", 0);
    await old.register(name);
    expect(await listShards(env, project)).toEqual([name]);
    await append(project, appendInput(["a"]));
    await sweepUntil(async () => expect(await old.listProject(project)).toEqual([]));
    expect(await listShards(env, project)).toEqual([name]);
  });
});

describe("in an outage", () => {
  /** A directory that only knows names. Every named shard holds rows. */
  class FakeDirectory implements SweptDirectory {
    readonly #names: readonly string[];
    #after = "";
    #start = 0;
    constructor(names: readonly string[]) {
      this.#names = [...names].sort((a, b) => (a < b ? -1 : 1));
    }
    async nextWaiting(limit: number) {
      const shards = this.#names.filter((name) => name > this.#after).slice(0, limit);
      const isEnd = shards.length < limit;
      this.#after = isEnd ? "" : (shards.at(-1) as string);
      return { shards, isEnd };
    }
    async nextIdle() {
      return { shards: [], isEnd: true };
    }
    async forget() {}
    async forgetOld() {}
    async sweepStart() {
      return this.#start;
    }
    async setSweepStart(start: number) {
      this.#start = start;
    }
  }

  const spread: Record<string, (index: number) => number> = {
    evenly: (index) => index % 17,
    "all in one directory": () => 5,
    "most in the last": (index) => (index % 10 === 0 ? index % 17 : 16),
  };

  it.each(Object.keys(spread))("ten thousand shards, spread %s, are each visited within 15 runs", async (how) => {
    const names = Array.from({ length: 10_000 }, (_, index) => `p${index}:na:0`);
    const groups: string[][] = Array.from({ length: 17 }, () => []);
    for (const [index, name] of names.entries()) groups[(spread[how] as (i: number) => number)(index)]?.push(name);
    const directories = groups.map((group) => new FakeDirectory(group));
    const visits = new Map<string, number>();
    let calls = 0;
    const shard = (name: string): SweptShard => ({
      async sweep() {
        calls++;
        visits.set(name, (visits.get(name) ?? 0) + 1);
        return { rows: 1 };
      },
      retire: async () => false,
    });
    for (let run = 0; run < 15; run++) {
      calls = 0;
      await new Sweep({ directories, shard, nowMs: () => 0 }).run();
      expect(calls).toBeLessThanOrEqual(SWEEP_CALLS_MAX);
    }
    expect(visits.size).toBe(names.length);
    expect(Math.max(...visits.values())).toBeLessThanOrEqual(2);
  });

  it("a run that is out of time stops, and the next run continues after it", async () => {
    const names = Array.from({ length: 400 }, (_, index) => `p${String(index).padStart(3, "0")}:na:0`);
    const directories = [new FakeDirectory([]), new FakeDirectory(names)];
    let nowMs = 0;
    const visited: string[] = [];
    const shard = (name: string): SweptShard => ({
      async sweep() {
        nowMs += 300;
        visited.push(name);
        return { rows: 1 };
      },
      retire: async () => false,
    });
    for (let run = 0; run < 3; run++) await new Sweep({ directories, shard, nowMs: () => nowMs }).run();
    expect(visited.slice(0, 400)).toEqual(names);
    expect(visited.length).toBeLessThanOrEqual(450 + 50);
  });
});
