// Reports the reconciliation for people: a project's minutes, hop by hop, and the missing events at each hop.

import type { Sql } from "../database/client.ts";
import { addsUp, differencesOf, HOT_COUNTED_MS, hasSettled } from "./balance.ts";
import { listMinutes } from "./store.ts";

export interface ReconciledMinute {
  minute: string;
  /** Null until the edge has reported the minute. */
  edge: { accepted: number; rejected: number; suppressed: number; duplicates: number } | null;
  process: { received: number; processed: number; failed: number; redelivered: number; repeated: number };
  hot: { loaded: number; copies: number };
  warm: { loaded: number; copies: number; failed: number };
  cold: { loaded: number; copies: number };
  /** The number of missing events at each hop. A surplus is negative. */
  missing: { edge: number; process: number; hot: number; warm: number; cold: number };
  /** `under way`: the minute does not add up yet, and the settle time has not passed. */
  state: "balanced" | "under way" | "imbalanced";
  checkedAt: string | null;
}

/** The minutes as of the last check, newest first. */
export async function reconciledMinutes(
  sql: Sql,
  project: string,
  range: { fromMs: number; toMs: number },
  limit: number,
  nowMs: number,
): Promise<ReconciledMinute[]> {
  const minutes = await listMinutes(sql, project, range.fromMs, range.toMs, limit);
  return minutes.map((row): ReconciledMinute => {
    const { minuteMs, checkedAt, changedAt } = row;
    const missing = differencesOf(row, minuteMs > nowMs - HOT_COUNTED_MS);
    const isDue = checkedAt !== null && hasSettled(minuteMs, changedAt.getTime(), nowMs);
    return {
      minute: new Date(minuteMs).toISOString(),
      edge:
        row.edgeAccepted === null
          ? null
          : {
              accepted: row.edgeAccepted,
              rejected: row.edgeRejected ?? 0,
              suppressed: row.edgeSuppressed ?? 0,
              duplicates: row.edgeDuplicates ?? 0,
            },
      process: {
        received: row.received,
        processed: row.processed,
        failed: row.failed,
        redelivered: row.redelivered,
        repeated: row.repeated,
      },
      hot: { loaded: row.hotLoaded, copies: row.hotCopies },
      warm: { loaded: row.warmLoaded, copies: row.warmCopies, failed: row.warmFailed },
      cold: { loaded: row.coldLoaded, copies: row.coldCopies },
      missing,
      state: addsUp(missing) ? "balanced" : isDue ? "imbalanced" : "under way",
      checkedAt: checkedAt?.toISOString() ?? null,
    };
  });
}
