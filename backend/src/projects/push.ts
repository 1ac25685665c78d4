// Tells the edge what it must know of keys. Postgres is the truth, and knows which revision of each key the edge was told: a push
// that fails loses nothing, because the maintenance function pushes what is missing every minute (`pushUnpushed`), and
// `pipeline keys push` sends all of them again. A key that KV lacks is read through by the Worker.

import type { Config } from "../config.ts";
import type { Database } from "../database/client.ts";
import { countUnpushed, type KeyUpdate, keyUpdates, markPushed, type NamedRecord } from "./keys.ts";

export interface EdgePush {
  /** Resolves true once the edge has all of them, false when it does not take them within the deadline. Never throws. */
  push(records: readonly NamedRecord[]): Promise<boolean>;
}

const ATTEMPTS = 3;
const ATTEMPT_DEADLINE_MS = 2_000;
const FIRST_PAUSE_MS = 200;
const RECORDS_PER_CALL = 100;

/** Why a push failed, for the log; holds no record and no secret. */
export type ReportPushFailure = (reason: string) => void;

/** Without EDGE_URL and INTERNAL_SECRET nothing is pushed, and each push says that it was not. */
export function edgePush(config: Config, report: ReportPushFailure, fetcher: typeof fetch = fetch): EdgePush {
  const { edgeUrl, internalSecret } = config;
  if (edgeUrl === undefined || internalSecret === undefined) {
    return {
      push: async () => {
        report("EDGE_URL or INTERNAL_SECRET is not set");
        return false;
      },
    };
  }
  const address = new URL("/internal/keys", edgeUrl);
  const send = (records: readonly NamedRecord[]) =>
    fetcher(address, {
      method: "POST",
      headers: { authorization: `Bearer ${internalSecret}`, "content-type": "application/json" },
      body: JSON.stringify({ records }),
      redirect: "manual",
      signal: AbortSignal.timeout(ATTEMPT_DEADLINE_MS),
    });
  return {
    push: async (records) => {
      for (let start = 0; start < records.length; start += RECORDS_PER_CALL) {
        if (!(await persist(() => send(records.slice(start, start + RECORDS_PER_CALL)), report))) return false;
      }
      return true;
    },
  };
}

async function persist(send: () => Promise<Response>, report: ReportPushFailure): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const failure = await attemptOnce(send);
    if (failure === null) return true;
    if (attempt === ATTEMPTS || !failure.retryable) {
      report(failure.reason);
      return false;
    }
    const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function attemptOnce(send: () => Promise<Response>): Promise<{ reason: string; retryable: boolean } | null> {
  try {
    const response = await send();
    // Read to its end, so that the connection can be used again.
    await response.arrayBuffer();
    if (response.ok) return null;
    return {
      reason: `the edge answered ${response.status}`,
      retryable: response.status >= 500 || response.status === 429,
    };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : "";
    return { reason: `the edge did not answer: ${cause}`, retryable: true };
  }
}

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
