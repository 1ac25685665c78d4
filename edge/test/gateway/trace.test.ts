// Tests the trace of a message by the shards: the number of calls is bounded, and a shard that can't know the message is not
// woken.

import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { shardTrace } from "../../src/gateway/trace.ts";
import { directoryOf } from "../../src/placement/directories.ts";
import { ShardDirectory } from "../../src/placement/directory.ts";
import { BufferShard } from "../../src/shard/shard.ts";
import { keyRecord, newProject } from "../keys.ts";
import { append, appendInput, untilFlushed } from "../shard/stub.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const traceOf = (project: string, id: string) => shardTrace(`/v1/events/${id}`, keyRecord({ project }), env);

it("is returned by the shard that stored the message, and is null while the directory is down", async () => {
  const project = newProject("traceMessage");
  await append(project, appendInput(["known"]));
  await untilFlushed(project);
  expect(await traceOf(project, "known")).toMatchObject({ accepted: expect.any(String), flushed: expect.any(String) });
  expect(await traceOf(project, "unknown")).toBeNull();
  vi.spyOn(ShardDirectory.prototype, "listHolders").mockRejectedValue(new Error("unreachable"));
  expect(await traceOf(project, "known")).toBeNull();
});

it("wakes no shard that was empty for the whole deduplication window", async () => {
  const project = newProject("asleep");
  const directory = directoryOf(env, project);
  for (let index = 0; index < 20; index++) {
    await directory.registerShard(`${project}:na:${index}`, []);
    if (index > 2) await directory.setWaiting(`${project}:na:${index}`, false);
  }
  const trace = vi.spyOn(BufferShard.prototype, "traceMessage");
  await traceOf(project, "x");
  expect(trace).toHaveBeenCalledTimes(20);
  trace.mockClear();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 27 * 3_600_000 });
  await traceOf(project, "x");
  expect(trace).toHaveBeenCalledTimes(3);
});

it("calls at most a thousand shards, fifty at a time", async () => {
  const project = newProject("many");
  const names = Array.from({ length: 1_200 }, (_, index) => `${project}:na:${index}`);
  vi.spyOn(ShardDirectory.prototype, "listHolders").mockResolvedValue(names);
  let underWay = 0;
  let most = 0;
  let asked = 0;
  const shard = {
    async traceMessage() {
      asked++;
      most = Math.max(most, ++underWay);
      await Promise.resolve();
      underWay--;
      return null;
    },
  };
  const fake = { ...env, SHARD: { idFromName: () => ({}), get: () => shard } as never };
  await shardTrace("/v1/events/x", keyRecord({ project }), fake);
  expect(asked).toBe(1_000);
  expect(most).toBeLessThanOrEqual(50);
});
