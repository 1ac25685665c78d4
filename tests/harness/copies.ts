// A message and its copies as clients make them: the same id, sent again from anywhere, at any time.

import type { Pipeline } from "./pipeline.ts";

export interface SendingOptions {
  /** As Cloudflare names it: picks the region whose shard judges. */
  continent?: "AF" | "AS" | "EU" | "NA" | "OC" | "SA";
  /** The `X-Retry-Count` header. */
  retryCount?: number;
  /** The development project's when absent. */
  writeKey?: string;
}

export interface Counts {
  accepted: number;
  duplicates: number;
}

/** Sends a body to `/v1/batch` (or `/v1/track` when it is one event). @returns what was counted, of a 200. */
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
      // What Cloudflare knows of the caller; the local runtime takes it from here.
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
