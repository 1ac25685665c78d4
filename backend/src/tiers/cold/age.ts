// Ageing of the archive: objects of days that are too old go, once they have lain there as long (an import writes into days
// long past). S3's own lifecycle can't do it: a bucket takes a thousand rules, and the day stands in the middle of the key.

import type { S3Client } from "@aws-sdk/client-s3";
import { BUCKETS } from "@behaviour/contract";
import { Objects } from "./objects.ts";

const DAY_MS = 86_400_000;
const DELETE_AT_ONCE = 1_000;
const DAY_IN_KEY = /\/day=(\d{4}-\d{2}-\d{2})\//;

/** @returns how many objects went */
export async function deleteOldObjects(
  s3: S3Client,
  project: string,
  coldDays: number,
  nowMs: number,
  hasTime: () => boolean,
): Promise<number> {
  const objects = new Objects(s3, BUCKETS.events);
  const cutoffMs = nowMs - coldDays * DAY_MS;
  /** The first day that may hold an event which is young enough. */
  const keptFrom = new Date(cutoffMs).toISOString().slice(0, 10);
  let deleted = 0;
  let old: string[] = [];
  const flush = async () => {
    await objects.delete(old);
    deleted += old.length;
    old = [];
  };
  // Days come in ascending order, so the listing ends where the young ones begin.
  for await (const { key, modifiedAtMs } of objects.list(`project=${project}/day=`)) {
    const day = DAY_IN_KEY.exec(key)?.[1];
    if (day === undefined) continue;
    if (day >= keptFrom || !hasTime()) break;
    if (modifiedAtMs < cutoffMs) old.push(key);
    if (old.length === DELETE_AT_ONCE) await flush();
  }
  if (old.length > 0) await flush();
  return deleted;
}
