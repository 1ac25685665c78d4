// Calls the edge to write records of keys into its KV store: the call, its deadline and its attempts. ../projects/push.ts decides
// which records are pushed, and records the result.

import type { KeyRecord } from "@behaviour/contract";
import type { Config } from "../config.ts";

/** A KV entry for the edge. The value null deletes the entry. */
export interface NamedRecord {
  name: string;
  value: KeyRecord | null;
}

export interface EdgePush {
  /** Resolves to true once the edge has all records, to false if it does not accept them in time. Never throws. */
  push(records: readonly NamedRecord[]): Promise<boolean>;
}

const ATTEMPTS = 3;
const ATTEMPT_DEADLINE_MS = 2_000;
const FIRST_PAUSE_MS = 200;
export const RECORDS_PER_CALL = 100;

/** Reports to the log why a push failed. The reason contains no record and no secret. */
export type ReportPushFailure = (reason: string) => void;

/** Without EDGE_URL or INTERNAL_SECRET nothing is pushed, and each push reports that. */
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
    // The body is read to its end, so that the connection can be reused.
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
