// Chooses the shard that an event goes to: project × region × index. E1.

import type { Env } from "../env.ts";
import { bucketOf } from "./bucket.ts";
import { jurisdictionOf } from "./jurisdiction.ts";

export interface Region {
  /** Part of the shard's name, so it never changes. */
  code: string;
  locationHint: DurableObjectLocationHint;
}

/** By the caller's continent, as Cloudflare names it. */
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

/** The regions in which a deployment's shards may be. A hint outside the jurisdiction would be refused. */
export function regionsOf(env: Env): readonly Region[] {
  const jurisdiction = jurisdictionOf(env);
  return jurisdiction === null ? REGIONS : REGIONS.filter(({ code }) => code === jurisdiction);
}

export function regionOf(request: Request, env: Env): Region {
  if (jurisdictionOf(env) !== null) return regionsOf(env)[0] as Region;
  const continent = (request.cf as IncomingRequestCfProperties | undefined)?.continent;
  return (continent === undefined ? undefined : BY_CONTINENT[continent]) ?? DEFAULT_REGION;
}

/** The name is also the beginning of the partition key of all the shard's records. */
export function shardName(project: string, region: string, index: number): string {
  return `${project}:${region}:${index}`;
}

export function projectOfShard(name: string): string {
  return name.slice(0, name.indexOf(":"));
}

/**
 * The index of a subject's shard (`anonymousId`, else `userId`) in its region, by the subject's bucket. So a shard needs the
 * consent of few buckets of devices. There are 256 buckets. If the number of shards divides 256 (a power of two), each shard has
 * equally many.
 */
export function shardIndex(subjectKey: string, shards: number): number {
  return shards <= 1 ? 0 : bucketOf(subjectKey) % shards;
}

export function regionOfShard(name: string): Region {
  const code = name.split(":")[1];
  return REGIONS.find((region) => region.code === code) ?? DEFAULT_REGION;
}
