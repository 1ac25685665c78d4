// Pushes records of keys to the edge. Postgres is the source of truth and records which revision of each key was pushed. A failed
// push loses nothing, because the maintenance function pushes missing revisions every minute (`pushUnpushed`), and
// `pipeline keys push` sends all records again. If KV lacks a key, the Worker reads it from the backend.

import type { Database } from "../database/client.ts";
import { type EdgePush, RECORDS_PER_CALL } from "../outbound/edge.ts";
import { countUnpushed, type KeyUpdate, keyUpdates, markPushed } from "./keys.ts";

/** Pushes updates, and records the pushed revisions. @returns whether the edge has all updates */
export async function pushUpdates(database: Database, edge: EdgePush, updates: readonly KeyUpdate[]): Promise<boolean> {
  if (!(await edge.push(updates.map(({ record }) => record)))) return false;
  // If recording fails, the update is pushed again, which does no harm. A change that was made must not look like a failure.
  await markPushed(database, updates).catch(() => {});
  return true;
}

/** Pushes every key's record, of one or all projects. @returns how many the edge has accepted, and whether that was all */
export async function pushAll(
  database: Database,
  edge: EdgePush,
  project?: string,
): Promise<{ pushed: number; complete: boolean }> {
  let pushed = 0;
  for await (const updates of keyUpdates(database, RECORDS_PER_CALL, { project })) {
    if (!(await pushUpdates(database, edge, updates))) return { pushed, complete: false };
    pushed += updates.length;
  }
  return { pushed, complete: true };
}

/**
 * Pushes the revisions that the edge does not have yet. Runs on a schedule. Ends at the first failure; the next run continues.
 * @returns how many the edge has accepted, and how many it still lacks
 */
export async function pushUnpushed(
  database: Database,
  edge: EdgePush,
  hasTime: () => boolean = () => true,
): Promise<{ keysPushed: number; keysUnpushed: number }> {
  let keysPushed = 0;
  for await (const updates of keyUpdates(database, RECORDS_PER_CALL, { unpushed: true })) {
    if (!hasTime() || !(await pushUpdates(database, edge, updates))) break;
    keysPushed += updates.length;
  }
  return { keysPushed, keysUnpushed: await countUnpushed(database) };
}
