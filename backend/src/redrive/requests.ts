// Stores and carries out redrives that are requested over HTTP. The query function only stores a request, because it may access
// neither streams nor tiers. The redrive function carries the request out in as many runs as necessary.

import { randomBytes } from "node:crypto";
import { asc, desc, eq, isNull } from "drizzle-orm";
import type { Database } from "../database/client.ts";
import { type RedrivenBatch, type RedriveParts, redrive } from "./redriver.ts";
import { redriveRequest } from "./schema.ts";
import type { Consumer } from "./undelivered.ts";

const LISTED = 20;

export interface RedriveRequest {
  id: string;
  consumer: Consumer | null;
  requestedAt: string;
  redriven: number;
  failed: number;
  problem: string | null;
  finishedAt: string | null;
}

type Row = typeof redriveRequest.$inferSelect;

export async function requestRedrive(
  database: Database,
  consumer: Consumer | null,
  requestedBy: string,
  nowMs: number,
): Promise<RedriveRequest> {
  const id = `rd_${randomBytes(10).toString("hex")}`;
  const values = { id, consumer, requestedBy, requestedAt: new Date(nowMs) };
  const [row] = await database.insert(redriveRequest).values(values).returning();
  if (row === undefined) throw new Error("the database returned no row for a request it has just written");
  return toRequest(row);
}

/** Newest first. */
export async function listRedriveRequests(database: Database): Promise<RedriveRequest[]> {
  const rows = await database.select().from(redriveRequest).orderBy(desc(redriveRequest.requestedAt)).limit(LISTED);
  return rows.map(toRequest);
}

export interface RedriveCounts {
  redriven: number;
  failed: number;
  finished: number;
}

/** Carries out the open requests, oldest first. One run at a time is enough; two concurrent runs do no harm. */
export async function runRedriveRequests(
  database: Database,
  parts: RedriveParts,
  remainingMs: () => number,
  nowMs: () => number,
): Promise<RedriveCounts> {
  const counts = { redriven: 0, failed: 0, finished: 0 };
  const open = await database
    .select()
    .from(redriveRequest)
    .where(isNull(redriveRequest.finishedAt))
    .orderBy(asc(redriveRequest.requestedAt));
  for (const request of open) {
    const options = { consumer: request.consumer ?? undefined, dryRun: false, limit: Number.MAX_SAFE_INTEGER };
    const batches = await redrive(parts, options, remainingMs);
    const countOf = (outcome: RedrivenBatch["outcome"]) => batches.filter((batch) => batch.outcome === outcome).length;
    const redriven = countOf("redriven");
    const failed = countOf("failed") + countOf("unreadable") + countOf("skipped");
    // Batches that had no time are for the next run. Failed batches would fail again immediately.
    const finished = countOf("waiting") === 0;
    await database
      .update(redriveRequest)
      .set({
        redriven: request.redriven + redriven,
        failed,
        problem: batches.find(({ problem }) => problem !== undefined)?.problem ?? null,
        finishedAt: finished ? new Date(nowMs()) : null,
      })
      .where(eq(redriveRequest.id, request.id));
    counts.redriven += redriven;
    counts.failed += failed;
    if (finished) counts.finished++;
  }
  return counts;
}

function toRequest({ id, consumer, requestedAt, redriven, failed, problem, finishedAt }: Row): RedriveRequest {
  return {
    id,
    consumer,
    requestedAt: requestedAt.toISOString(),
    redriven,
    failed,
    problem,
    finishedAt: finishedAt?.toISOString() ?? null,
  };
}
