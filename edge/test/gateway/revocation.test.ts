// Tests that no event is accepted with a revoked key, in existing shards and in later shards, even if other parts fail.
// docs/API_DOCUMENTATION.md#keys.

import { env } from "cloudflare:workers";
import { hashKey, type KeyRecord, keyRecordName } from "@behaviour/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import { directoryNamed, directoryOf } from "../../src/placement/directories.ts";
import { ShardDirectory } from "../../src/placement/directory.ts";
import { packAppends } from "../../src/shard/append-call.ts";
import { BufferShard } from "../../src/shard/shard.ts";
import { bearer, goodEvent, send } from "../client.ts";
import { expectAnswer } from "../collect/table.ts";
import { keyRecord, newKey, newProject } from "../keys.ts";
import { append, appendInput, loseMemory, shardOf } from "../shard/stub.ts";

const INTERNAL = { Authorization: `Bearer ${env.INTERNAL_SECRET}` };
const REFUSED = { outcome: "refused", code: "invalid_api_key" };

afterEach(() => vi.restoreAllMocks());

function push(key: string, record: KeyRecord) {
  const records = [{ name: keyRecordName(hashKey(key)), value: record }];
  return send("/internal/keys", { headers: INTERNAL, body: { records } });
}

async function pushRevoked(project: string, id: string) {
  const record = keyRecord({ project, id, revokedAt: 1 });
  return push(await newKey(record), record);
}

describe("a revoked key", () => {
  it("is refused by a shard that is created later, also after it lost its memory", async () => {
    const project = newProject("later");
    await append(project, appendInput(["a"], { keyId: "other" }));
    expect((await pushRevoked(project, "revoked-1")).status).toBe(200);
    for (const lost of [false, true]) {
      if (lost) await loseMemory();
      for (const index of [0, 1, 2]) {
        const appendTo = (keyId: string) =>
          shardOf(project, index).append2(packAppends([appendInput([`${keyId}-${index}-${lost}`], { keyId })]));
        expect(await appendTo("revoked-1")).toMatchObject([REFUSED]);
        expect(await appendTo("other")).toMatchObject([{ outcome: "stored" }]);
      }
    }
  });

  it("is refused through the public API when the project gets more shards, even if the isolate cached it", async () => {
    const project = newProject("raised");
    const record = keyRecord({ project, shards: 4 });
    const key = await newKey(record);
    // The isolate has now cached the key as valid, and has used one of four shards.
    const first = goodEvent({ anonymousId: "device-1" });
    expect((await send("/v1/track", { headers: bearer(key), body: first })).status).toBe(200);
    expect((await push(key, { ...record, revokedAt: Date.now() })).status).toBe(200);
    for (let device = 0; device < 12; device++) {
      const body = goodEvent({ anonymousId: `device-${device}` });
      expectAnswer(await send("/v1/track", { headers: bearer(key), body }), { status: 401, code: "invalid_api_key" });
    }
  });

  it("of the previous release is handed over by the shard that knows it", async () => {
    const project = newProject("handed");
    await shardOf(project, 0).revokeKeys(["old-key"]);
    await append(project, appendInput(["a"], { keyId: "other" }));
    const known = await directoryOf(env, project).registerShard(`${project}:na:1`, []);
    expect(known).toEqual(["old-key"]);
  });

  it("never reaches another project", async () => {
    const [mine, other] = [newProject("mine"), newProject("other")];
    await pushRevoked(mine, "shared-id");
    expect(await append(other, appendInput(["a"], { keyId: "shared-id" }))).toMatchObject({ outcome: "stored" });
  });
});

describe("while something is broken, the rest is done and the answer says so", () => {
  it("KV takes no write: the shards know of it all the same", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const project = newProject("kv");
    await append(project, appendInput(["a"], { keyId: "revoked-2" }));
    const record = keyRecord({ project, id: "revoked-2", revokedAt: 1 });
    const key = await newKey(record);
    const put = vi.spyOn(env.KEYS, "put").mockRejectedValue(new Error("KV PUT failed: 429 Too Many Requests"));
    const answer = await push(key, record);
    put.mockRestore();
    expectAnswer(answer, { status: 503, code: "unavailable" });
    expect(await append(project, appendInput(["b"], { keyId: "revoked-2" }))).toMatchObject(REFUSED);
  });

  it("one shard does not answer: the others and KV know of it", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const project = newProject("one");
    const record = keyRecord({ project, id: "revoked-3", revokedAt: 1 });
    const key = await newKey(record);
    await append(project, appendInput(["a"], { keyId: "other" }));
    const directory = directoryOf(env, project);
    await directory.registerShard(`${project}:eu:3`, []);
    const { revokeKeys } = BufferShard.prototype;
    const told = vi.spyOn(BufferShard.prototype, "revokeKeys").mockImplementation(function (this: BufferShard, keyIds) {
      const { ctx } = this as unknown as { ctx: DurableObjectState };
      if (ctx.id.name?.endsWith(":eu:3")) throw new Error("unreachable");
      return revokeKeys.call(this, keyIds);
    });
    await env.KEYS.delete(keyRecordName(hashKey(key)));
    expectAnswer(await push(key, record), { status: 503, code: "unavailable" });
    expect(told).toHaveBeenCalledTimes(2);
    expect(await append(project, appendInput(["b"], { keyId: "revoked-3" }))).toMatchObject(REFUSED);
    expect(await env.KEYS.get(keyRecordName(hashKey(key)), "json")).toMatchObject({ revokedAt: 1 });
  });

  it("the directory does not answer: shards of the release before and KV know of it", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const project = newProject("directory");
    const record = keyRecord({ project, id: "revoked-4", revokedAt: 1 });
    const key = await newKey(record);
    await append(project, appendInput(["a"], { keyId: "other" }));
    await directoryNamed(env, "shards").register(`${project}:na:0`);
    vi.spyOn(ShardDirectory.prototype, "revoke").mockRejectedValueOnce(new Error("unreachable"));
    await env.KEYS.delete(keyRecordName(hashKey(key)));
    expectAnswer(await push(key, record), { status: 503, code: "unavailable" });
    expect(await append(project, appendInput(["b"], { keyId: "revoked-4" }))).toMatchObject(REFUSED);
    expect(await env.KEYS.get(keyRecordName(hashKey(key)), "json")).toMatchObject({ revokedAt: 1 });
  });

  it("a shard that can't register takes nothing, and says try again", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const project = newProject("unregistered");
    const key = await newKey({ project });
    vi.spyOn(ShardDirectory.prototype, "registerShard").mockRejectedValueOnce(new Error("unreachable"));
    const event = goodEvent();
    expectAnswer(await send("/v1/track", { headers: bearer(key), body: event }), { status: 503, code: "unavailable" });
    expect((await send("/v1/track", { headers: bearer(key), body: event })).body).toMatchObject({ accepted: 1 });
  });
});
