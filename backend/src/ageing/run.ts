// Deletes events that are older than their project's retention: minutes from the hot tier, rows from the warm tier, objects from
// the archive. The maintenance function runs it. It is idempotent, works in self-contained steps, and is bounded in time.

import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { S3Client } from "@aws-sdk/client-s3";
import type { Sql } from "../database/client.ts";
import { deleteOldObjects } from "../tiers/cold/age.ts";
import { deleteOldMinutes } from "../tiers/hot/age.ts";
import { deleteOldRows, dropOldChunks } from "../tiers/warm/age.ts";
import { RETENTION_MAX, retentionOf } from "./retention.ts";

export interface AgeingParts {
  sql: Sql;
  dynamodb: DynamoDBClient;
  s3: S3Client;
}

/** Numbers of deletions. If a run has no time left, the next run deletes the rest. */
export interface Aged {
  minutesDeleted: number;
  rowsDeleted: number;
  chunksDropped: number;
  objectsDeleted: number;
}

/** @throws if a store is unavailable. What was deleted before that stays deleted. */
export async function ageTiers(
  { sql, dynamodb, s3 }: AgeingParts,
  nowMs: number,
  hasTime: () => boolean,
): Promise<Aged> {
  const { chunksDropped, rowsDeleted } = await dropOldChunks(sql, RETENTION_MAX.warmDays, nowMs, hasTime);
  const aged: Aged = { minutesDeleted: 0, rowsDeleted, chunksDropped, objectsDeleted: 0 };
  const projects = await sql<{ id: string; settings: Record<string, unknown> }[]>`
    select id, settings from project order by id`;
  for (const { id, settings } of projects) {
    if (!hasTime()) break;
    const { hotHours, warmDays, coldDays } = retentionOf(settings);
    aged.minutesDeleted += await deleteOldMinutes(dynamodb, id, hotHours, nowMs, hasTime);
    if (warmDays < RETENTION_MAX.warmDays) aged.rowsDeleted += await deleteOldRows(sql, id, warmDays, nowMs, hasTime);
    aged.objectsDeleted += await deleteOldObjects(s3, id, coldDays, nowMs, hasTime);
  }
  return aged;
}
