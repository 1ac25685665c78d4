// Tells the edge what it must know of keys. Postgres is the truth, and knows which revision of each key the edge was told: a push
// that fails loses nothing, because the maintenance function pushes what is missing every minute (`pushUnpushed`), and
// `pipeline keys push` sends all of them again. A key that KV lacks is read through by the Worker.

import type { Database } from "../database/client.ts";
import { type EdgePush, RECORDS_PER_CALL } from "../outbound/edge.ts";
import { countUnpushed, type KeyUpdate, keyUpdates, markPushed } from "./keys.ts";

/** Pushes, and notes what the edge has been told. @returns whether it has all of it */
export async function pushUpdates(database: Database, edge: EdgePush, updates: readonly KeyUpdate[]): Promise<boolean> {
  if (!(await edge.push(updates.map(({ record }) => record)))) return false;
  // What is told and not noted is told again, which does no harm; a change that was made must not look like one that failed.
  await markPushed(database, updates).catch(() => {});
  return true;
}

/** Pushes every key's record, of one project or of all. @returns how many the edge has taken, and whether that was all */
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
 * Pushes what the edge does not know yet; run on a schedule. Ends at the first failure: the next run goes on.
 * @returns how many it has taken, and how many it still lacks
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
