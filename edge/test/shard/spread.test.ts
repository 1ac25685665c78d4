// Tests that a server's batch of many users calls few shards if its project is configured so, and that a duplicate of any of its
// events is still recognised. docs/security/EDGE_AUDIT.md, finding 33.

import { expect, it } from "vitest";
import { goodEvent } from "../client.ts";
import { newKey, newProject } from "../keys.ts";
import { type Spied, spiedEnv } from "./spied-env.ts";

const SHARDS = 64;
const users = (count: number) =>
  Array.from({ length: count }, () => goodEvent({ anonymousId: `user-${crypto.randomUUID()}` }));

function shardsOf({ calls }: Spied): Set<string> {
  return new Set(calls.flatMap(({ method, shard }) => (method === "append2" ? [shard] : [])));
}

const settings = { consentRegime: "opt-out", serverShards: 4 } as const;

it.each([
  { kind: "secret", most: 4 },
  { kind: "public", most: SHARDS },
] as const)("a batch of 40 users with a $kind key goes to $most shards at most", async ({ kind, most }) => {
  const key = await newKey({ project: newProject("spread"), kind, shards: SHARDS, settings });
  const spied = spiedEnv();
  expect((await spied.send(key, "/v1/batch", { batch: users(40) })).body.accepted).toBe(40);
  expect(shardsOf(spied).size).toBeLessThanOrEqual(most);
  expect(spied.calls.length).toBe(shardsOf(spied).size);
  if (kind === "public") expect(shardsOf(spied).size).toBeGreaterThan(4);
});

it("duplicates are recognised in the same batch, in another batch, and alone", async () => {
  const key = await newKey({ project: newProject("copies"), kind: "secret", shards: SHARDS, settings });
  const spied = spiedEnv();
  const batch = users(20);
  const send = async (path: string, body: object) => (await spied.send(key, path, body)).body;
  expect(await send("/v1/batch", { batch })).toMatchObject({ accepted: 20, duplicates: 0 });
  expect(await send("/v1/batch", { batch })).toMatchObject({ accepted: 0, duplicates: 20 });
  expect(await send("/v1/batch", { batch: [...users(5), ...batch.slice(7)] })).toMatchObject({
    accepted: 5,
    duplicates: 13,
  });
  for (const event of batch.slice(0, 5)) expect(await send("/v1/track", event)).toMatchObject({ duplicates: 1 });
});
