// Adds to `GET /v1/events/<messageId>` what only the shards know: that the message was accepted, and flushed. A message id does
// not identify the shard that accepted it, so every shard that holds rows, or held rows within the dedupe window, is asked.
// No other shard still knows any message, so no shard is woken in vain.

import { type KeyRecord, LIMITS, packIds } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { listHolders } from "../placement/directories.ts";
import { shardByName } from "../placement/stubs.ts";

const EVENT_PATH = /^\/v1\/events\/([^/]+)$/;
const SHARDS_AT_ONCE = 50;
/** If a project has more, only the first shards by name are asked. The tiers know every message a moment later. */
const SHARDS_MAX = 1_000;
/** Shards evict ids some time after the window has passed. */
const KNOWN_FOR_MS = LIMITS.dedupeWindowMs + 2 * 60 * 60 * 1_000;

/** @returns ISO times; null if the path belongs to another route, or no shard knows the message. */
export async function shardTrace(
  path: string,
  record: KeyRecord,
  env: Env,
): Promise<{ accepted: string; flushed?: string } | null> {
  const match = EVENT_PATH.exec(path);
  if (match === null) return null;
  const id = packIds([decodeURIComponentSafely(match[1] as string)]);
  // If the directory does not answer, the answer holds only what the tiers know.
  const holders = await listHolders(env, record.project, Date.now() - KNOWN_FOR_MS).catch(() => []);
  const names = holders.slice(0, SHARDS_MAX);
  let found: { acceptedAtMs: number; flushedAtMs: number | null } | undefined;
  for (let start = 0; start < names.length; start += SHARDS_AT_ONCE) {
    const some = names.slice(start, start + SHARDS_AT_ONCE);
    const traces = await Promise.all(some.map((name) => traceIn(name, id, env)));
    for (const trace of traces) {
      if (trace !== null && (found === undefined || trace.acceptedAtMs < found.acceptedAtMs)) found = trace;
    }
  }
  if (found === undefined) return null;
  const accepted = new Date(found.acceptedAtMs).toISOString();
  return found.flushedAtMs === null ? { accepted } : { accepted, flushed: new Date(found.flushedAtMs).toISOString() };
}

/** A shard that does not answer must not hide the answers of other shards. */
async function traceIn(name: string, id: Uint8Array, env: Env) {
  try {
    return await shardByName(env, name).traceMessage(id);
  } catch {
    return null;
  }
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
