// What an isolate knows of API keys: memory first, then KV, then (on a KV miss) the control plane. A refused key must be
// refused cheaply, so what is unknown is remembered as well. API.md §2.

import { hashKey, KeyRecord, keyRecordName, LIMITS, parseKey } from "@behaviour/contract";
import type { Env } from "./env.ts";
import { fetchBackend } from "./gateway/backend.ts";
import { Refusal } from "./refusal.ts";

interface Known {
  record: KeyRecord | null;
  /** Epoch milliseconds after which KV is asked again. */
  staleAt: number;
}

/** By the key's SHA-256: no key stands in memory longer than its request. */
const known = new Map<string, Known>();
/** Spares the hash for keys in use; bounded like `known`. */
const hashes = new Map<string, string>();

/**
 * The record of a key that is in force now.
 * @returns a refusal for everything else; it is the same for malformed, unknown, revoked, expired and future keys.
 */
export async function findKey(key: string, env: Env, nowMs: number): Promise<KeyRecord | Refusal> {
  let hash = hashes.get(key);
  if (hash === undefined) {
    if (parseKey(key) === null) return new Refusal("invalid_api_key");
    hash = hashKey(key);
    if (hashes.size >= LIMITS.unknownKeyCacheEntries) hashes.clear();
    hashes.set(key, hash);
  }
  return findKeyByHash(hash, env, nowMs);
}

export async function findKeyByHash(hash: string, env: Env, nowMs: number): Promise<KeyRecord | Refusal> {
  let entry = known.get(hash);
  if (entry === undefined || entry.staleAt <= nowMs) {
    const record = await lookUp(hash, env);
    if (record instanceof Refusal) return record;
    entry = { record, staleAt: nowMs + LIMITS.keyCacheMs };
    remember(hash, entry);
  }
  const { record } = entry;
  if (record === null) return new Refusal("invalid_api_key");
  return inForce(record, nowMs) ? record : new Refusal("invalid_api_key").of(record.project);
}

function inForce(record: KeyRecord, nowMs: number): boolean {
  if (record.revokedAt !== null && record.revokedAt <= nowMs) return false;
  if (record.notBefore !== null && nowMs < record.notBefore) return false;
  return record.notAfter === null || nowMs < record.notAfter;
}

/** Oldest out first: a Map iterates in the order of insertion. */
function remember(hash: string, entry: Known): void {
  known.delete(hash);
  if (known.size >= LIMITS.unknownKeyCacheEntries) {
    const oldest = known.keys().next();
    if (!oldest.done) known.delete(oldest.value);
  }
  known.set(hash, entry);
}

/**
 * KV is up to a minute behind and may have been emptied; the control plane is the truth. Only keys with a right checksum
 * come here, and what it does not know is remembered, so a flood of made-up keys costs little.
 */
async function lookUp(hash: string, env: Env): Promise<KeyRecord | null | Refusal> {
  const stored = await env.KEYS.get(keyRecordName(hash), "json");
  if (stored !== null) return readRecord(stored);
  if (env.QUERY_ENDPOINT === undefined) return null;
  const answer = await fetchBackend(env, `/internal/keys/${hash}`, { method: "GET" });
  if (answer instanceof Refusal) return answer;
  if (answer.status === 404) {
    await answer.body?.cancel();
    return null;
  }
  if (!answer.ok) {
    await answer.body?.cancel();
    return new Refusal("unavailable");
  }
  return readRecord(await answer.json());
}

function readRecord(value: unknown): KeyRecord | null {
  const parsed = KeyRecord.safeParse(value);
  return parsed.success ? parsed.data : null;
}
