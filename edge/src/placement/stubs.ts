// Makes stubs of the objects that several folders call: a project's shards, its limiters and its live tail.

import type { Env } from "../env.ts";
import { projectOfShard, type Region, regionOfShard } from "./shard-name.ts";

export type ShardStub = ReturnType<Env["SHARD"]["get"]>;

/** A shard that the call may create. A stub is permanently broken after a failed call, so use a new stub for every attempt. */
export function shardStub(env: Env, name: string, region: Region): ShardStub {
  return env.SHARD.get(env.SHARD.idFromName(name), { locationHint: region.locationHint });
}

/** A shard that exists: it reported its name, or its directory lists it. So it needs no location hint. */
export function shardByName(env: Env, name: string): ShardStub {
  return env.SHARD.get(env.SHARD.idFromName(name));
}

/** The limiter that a key's shards of one region share. */
export function limiterOf(env: Env, shard: string, keyId: string): ReturnType<Env["LIMITER"]["get"]> {
  const region = regionOfShard(shard);
  const name = `${projectOfShard(shard)}:${region.code}:${keyId}`;
  return env.LIMITER.get(env.LIMITER.idFromName(name), { locationHint: region.locationHint });
}

export function liveTailOf(env: Env, project: string): ReturnType<Env["LIVE"]["get"]> {
  return env.LIVE.get(env.LIVE.idFromName(project));
}
