// A message and the duplicates that clients make of it: the same id, sent again from anywhere, at any time.

import type { Pipeline } from "./pipeline.ts";

export interface SendingOptions {
  /** Cloudflare's code of the continent. It chooses the region whose shard checks for duplicates. */
  continent?: "AF" | "AS" | "EU" | "NA" | "OC" | "SA";
  /** The `X-Retry-Count` header. */
  retryCount?: number;
  /** The development project's key when absent. */
  writeKey?: string;
}

export interface Counts {
  accepted: number;
  duplicates: number;
}

/**
 * Sends a body to `/v1/batch`, or to `/v1/track` when it is one event.
 * @returns the counts in a 200.
 */
export async function sendFrom(
  pipeline: Pipeline,
  body: Record<string, unknown>,
  { continent, retryCount, writeKey = pipeline.keys.publicKey }: SendingOptions = {},
): Promise<Counts> {
  const answer = await fetch(`${pipeline.origin}/v1/${"batch" in body ? "batch" : "track"}`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${writeKey}`,
      ...(retryCount === undefined ? {} : { "X-Retry-Count": String(retryCount) }),
      // Cloudflare's information about the caller. The local runtime reads it from this header.
      ...(continent === undefined ? {} : { "MF-CF-Blob": JSON.stringify({ continent }) }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status}: ${text}`);
  const { accepted, duplicates } = JSON.parse(text) as Counts;
  return { accepted, duplicates };
}
