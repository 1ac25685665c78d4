// Which shard an event goes to: project × region × index. E1.

import type { Env } from "../env.ts";
import { bucketOf } from "./bucket.ts";
import { jurisdictionOf } from "./jurisdiction.ts";

export interface Region {
  /** Part of the shard's name, and thus never changed. */
  code: string;
  locationHint: DurableObjectLocationHint;
}

/** By the caller's continent as Cloudflare names it. */
const BY_CONTINENT: Record<string, Region> = {
  NA: { code: "na", locationHint: "enam" },
  SA: { code: "sa", locationHint: "sam" },
  EU: { code: "eu", locationHint: "weur" },
  AF: { code: "af", locationHint: "afr" },
  AS: { code: "as", locationHint: "apac" },
  OC: { code: "oc", locationHint: "oc" },
};
const DEFAULT_REGION = BY_CONTINENT.NA as Region;
/** Every region a project can have shards in. */
const REGIONS: readonly Region[] = Object.values(BY_CONTINENT);

/** Regions in which a deployment's shards may lie: a hint outside the jurisdiction would be refused. */
export function regionsOf(env: Env): readonly Region[] {
  const jurisdiction = jurisdictionOf(env);
  return jurisdiction === null ? REGIONS : REGIONS.filter(({ code }) => code === jurisdiction);
}

export function regionOf(request: Request, env: Env): Region {
  if (jurisdictionOf(env) !== null) return regionsOf(env)[0] as Region;
  const continent = (request.cf as IncomingRequestCfProperties | undefined)?.continent;
  return (continent === undefined ? undefined : BY_CONTINENT[continent]) ?? DEFAULT_REGION;
}

/** Also the beginning of the partition key of all its records. */
export function shardName(project: string, region: string, index: number): string {
  return `${project}:${region}:${index}`;
}

export function projectOfShard(name: string): string {
  return name.slice(0, name.indexOf(":"));
}

/**
 * Of the shards of a region, the one of a subject (`anonymousId`, else `userId`), by its bucket: so a shard needs the consent of
 * few buckets of devices. There are 256 buckets; numbers of shards that divide them, the powers of two, share them evenly.
 */
export function shardIndex(subjectKey: string, shards: number): number {
  return shards <= 1 ? 0 : bucketOf(subjectKey) % shards;
}

export function regionOfShard(name: string): Region {
  const code = name.split(":")[1];
  return REGIONS.find((region) => region.code === code) ?? DEFAULT_REGION;
}
