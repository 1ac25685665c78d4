// Finds the record of an API key: in memory first, then in KV, then (on a KV miss) at the control plane. Three rules:
// - A KV outage must not stop ingestion. The shard enforces a key's revocation itself, so ingestion trusts memory longer.
// - Refusing a key must be cheap. Unknown keys are remembered too, in a separate table.
// - An invented key (its checksum is a public CRC-32) costs at most one read of KV, and rarely a call to the control plane.
// docs/API_DOCUMENTATION.md#keys, docs/adr/014-budgets-of-an-isolate.md.

import { waitUntil } from "cloudflare:workers";
import { hashKey, KeyRecord, keyRecordName, LIMITS, parseKey, type Scope, TUNINGS } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { fetchBackend } from "../outbound/backend.ts";
import { within } from "../outbound/idle-deadline.ts";
import { type CompiledKey, compileKey } from "./compiled-key.ts";

interface Entry {
  /** Null if no such key is known. */
  key: CompiledKey | null;
  /** Epoch milliseconds. The record is at least this recent. */
  readAtMs: number;
  /** When a request began to read the record; null if no request reads it. A shared promise would break other requests. */
  readingSinceMs: number | null;
  /** When the last read failed; null if it did not fail. */
  failedAtMs: number | null;
  /** Consecutive lookups that found no key. */
  misses: number;
  /** Incremented with each change, so that a read that began before a push does not undo the push. */
  version: number;
}

/** Existing keys, by SHA-256. */
const known = new Map<string, Entry>();
/** Unknown keys, by SHA-256. A flood of unknown keys evicts only other unknown keys. */
const unknown = new Map<string, Entry>();
/**
 * SHA-256 by key, so that requests with known keys need not compute it. The map holds the keys themselves, in the isolate's
 * memory, where every request brings them anyway. They are written nowhere.
 */
const hashes = new Map<string, string>();

const FAILED = Symbol("neither KV nor the control plane answers");
type Found = KeyRecord | null | typeof FAILED;

/**
 * Finds the record of a key that is in force now.
 * @param scope what the key is used for; it determines how old the record may be.
 * @returns a refusal for every other key. It is the same for malformed, unknown, revoked, expired and future keys.
 */
export async function findKey(
  text: string,
  env: Env,
  nowMs: number,
  scope: Scope = "read",
): Promise<CompiledKey | Refusal> {
  const hash = hashes.get(text);
  if (hash !== undefined) return findKeyByHash(hash, env, nowMs, scope);
  if (parseKey(text) === null) return new Refusal("invalid_api_key");
  const newHash = hashKey(text);
  const found = await findKeyByHash(newHash, env, nowMs, scope);
  if (!(found instanceof Refusal)) keep(hashes, text, newHash, LIMITS.keyCacheEntries);
  return found;
}

export async function findKeyByHash(
  hash: string,
  env: Env,
  nowMs: number,
  scope: Scope = "read",
): Promise<CompiledKey | Refusal> {
  let entry = known.get(hash) ?? unknown.get(hash);
  if (entry === undefined) {
    entry = { key: null, readAtMs: -Infinity, readingSinceMs: null, failedAtMs: null, misses: 0, version: 0 };
    keep(unknown, hash, entry, LIMITS.unknownKeyCacheEntries);
  }
  if (!isBelieved(entry, scope, nowMs)) {
    if (!mayGoByOld(entry, scope, nowMs)) await renew(entry, hash, env, nowMs);
    else if (isTimeToRetry(entry, nowMs)) waitUntil(read(entry, hash, env, nowMs));
    if (!isBelieved(entry, scope, nowMs) && !mayGoByOld(entry, scope, nowMs)) return new Refusal("unavailable");
  } else if (entry.key !== null && nowMs - entry.readAtMs >= TUNINGS.keyRefreshMs && isTimeToRetry(entry, nowMs)) {
    waitUntil(read(entry, hash, env, nowMs));
  }
  const { key } = entry;
  if (key === null) return new Refusal("invalid_api_key");
  return inForce(key, nowMs) ? key : new Refusal("invalid_api_key").of(key.project);
}

function inForce(record: KeyRecord, nowMs: number): boolean {
  if (record.revokedAt !== null && record.revokedAt <= nowMs) return false;
  if (record.notBefore !== null && nowMs < record.notBefore) return false;
  return record.notAfter === null || nowMs < record.notAfter;
}

/** Stores a record that the control plane pushed to this isolate; null if the key was deleted. */
export function learnKey(hash: string, record: KeyRecord | null, nowMs: number): void {
  const entry = known.get(hash) ?? unknown.get(hash);
  if (record === null) {
    if (entry?.key) noteRevoked(entry.key, nowMs);
    return;
  }
  const key = compileKey(record, hash);
  if (entry !== undefined) settle(entry, hash, key, nowMs);
  else keep(known, hash, { ...FRESH, key, readAtMs: nowMs }, LIMITS.keyCacheEntries);
}

/** Remembers a revocation that a shard reported. KV may be behind, and the next requests need not ask the shard again. */
export function noteRevoked(key: CompiledKey, nowMs: number): void {
  const entry = known.get(key.hash);
  if (entry?.key?.id === key.id) settle(entry, key.hash, { ...entry.key, revokedAt: nowMs }, nowMs);
}

const FRESH: Omit<Entry, "key" | "readAtMs"> = { readingSinceMs: null, failedAtMs: null, misses: 0, version: 0 };

function isBelieved(entry: Entry, scope: Scope, nowMs: number): boolean {
  return nowMs - entry.readAtMs < believedMs(entry, scope);
}

function believedMs({ key, misses }: Entry, scope: Scope): number {
  if (key === null) return Math.min(TUNINGS.keyCacheMs * 2 ** (misses - 1), TUNINGS.unknownKeyMaxMs);
  return scope === "write" ? TUNINGS.keyTrustedMs : TUNINGS.keyCacheMs;
}

/** Whether the record may be used although it is too old and should have been read again. */
function mayGoByOld(entry: Entry, scope: Scope, nowMs: number): boolean {
  if (entry.key === null) return false;
  const ageMs = nowMs - entry.readAtMs;
  if (isBeingRead(entry) && ageMs < TUNINGS.keyCacheWhileReadMs) return true;
  const isWriter = scope === "write" || scope === "consent";
  return isWriter && entry.failedAtMs !== null && ageMs < TUNINGS.keyStaleMs;
}

/** Longer than all deadlines of a read together. A read that takes longer belongs to a request that was terminated. */
const READING_MAX_MS = 15_000;
const RETRY_AFTER_MS = 1_000;
const POLL_MS = 5;

function isBeingRead({ readingSinceMs }: Entry): boolean {
  return readingSinceMs !== null && Math.abs(Date.now() - readingSinceMs) < READING_MAX_MS;
}

function isTimeToRetry(entry: Entry, nowMs: number): boolean {
  if (isBeingRead(entry)) return false;
  return entry.failedAtMs === null || Math.abs(nowMs - entry.failedAtMs) >= RETRY_AFTER_MS;
}

/** Reads the record, or waits for the request that is reading it. */
async function renew(entry: Entry, hash: string, env: Env, nowMs: number): Promise<void> {
  if (isBeingRead(entry)) {
    const { readingSinceMs } = entry;
    for (let waitedMs = 0; waitedMs < READING_MAX_MS; waitedMs += POLL_MS) {
      if (entry.readingSinceMs !== readingSinceMs) return;
      await scheduler.wait(POLL_MS);
    }
  }
  const reading = read(entry, hash, env, nowMs);
  // Other requests wait for this read, so it must continue if this client disconnects.
  waitUntil(reading);
  await reading;
}

/** Never throws. */
async function read(entry: Entry, hash: string, env: Env, nowMs: number): Promise<void> {
  const { version } = entry;
  entry.readingSinceMs = nowMs;
  const found = await lookUp(hash, env, nowMs, entry.key !== null).catch((): Found => FAILED);
  entry.readingSinceMs = null;
  if (entry.version !== version) return;
  if (found === FAILED) entry.failedAtMs = nowMs;
  else settle(entry, hash, found === null ? null : unrevived(compileKey(found, hash), entry.key, nowMs), nowMs);
}

/** A revocation is final. KV may be behind, and must not undo the revocation. */
function unrevived(key: CompiledKey, before: CompiledKey | null, nowMs: number): CompiledKey {
  const isRevoked = before?.id === key.id && before.revokedAt !== null && before.revokedAt <= nowMs;
  return isRevoked ? { ...key, revokedAt: before.revokedAt } : key;
}

function settle(entry: Entry, hash: string, key: CompiledKey | null, nowMs: number): void {
  entry.key = key;
  entry.readAtMs = nowMs;
  entry.failedAtMs = null;
  entry.misses = key === null ? entry.misses + 1 : 0;
  entry.version++;
  (key === null ? known : unknown).delete(hash);
  if (key === null) keep(unknown, hash, entry, LIMITS.unknownKeyCacheEntries);
  else keep(known, hash, entry, LIMITS.keyCacheEntries);
}

/** Evicts the oldest entry first: a Map iterates in the order of insertion. */
function keep<T>(map: Map<string, T>, name: string, value: T, max: number): void {
  map.delete(name);
  if (map.size >= max) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(name, value);
}

/**
 * KV is up to a minute behind and may have been emptied; the control plane is authoritative. It is asked only a few times a
 * second. It pushes a key to KV before it shows the key to anyone, so a miss in KV nearly always means that no such key exists.
 */
async function lookUp(hash: string, env: Env, nowMs: number, isKnown: boolean): Promise<Found> {
  const stored = await readKv(hash, env, nowMs);
  if (stored !== null && stored !== FAILED) return readRecord(stored);
  if (env.QUERY_ENDPOINT === undefined) return stored;
  if (!mayReadThrough(nowMs)) return isKnown ? FAILED : stored;
  const answer = await fetchBackend(env, `/internal/keys/${hash}`, { method: "GET" });
  if (answer instanceof Refusal) return FAILED;
  if (answer.ok) return readRecord(await answer.json());
  await answer.body?.cancel();
  return answer.status === 404 ? null : FAILED;
}

const LOG_EVERY_MS = 60_000;
let failureLoggedAtMs = -Infinity;

async function readKv(hash: string, env: Env, nowMs: number): Promise<unknown> {
  try {
    return await within(env.KEYS.get(keyRecordName(hash), "json"), LIMITS.keyReadDeadlineMs, () => {});
  } catch (fault) {
    if (Math.abs(nowMs - failureLoggedAtMs) >= LOG_EVERY_MS) {
      failureLoggedAtMs = nowMs;
      const message = "KV does not answer: events are taken by the key records in memory";
      log("error", message, { fault });
    }
    return FAILED;
  }
}

let readThroughs: number = LIMITS.keyReadThroughsBurst;
let readThroughsAtMs = 0;

/** A token bucket. A clock that was set back adds no tokens. */
function mayReadThrough(nowMs: number): boolean {
  const earned = (Math.max(0, nowMs - readThroughsAtMs) / 1_000) * LIMITS.keyReadThroughsPerSecond;
  readThroughs = Math.min(LIMITS.keyReadThroughsBurst, readThroughs + earned);
  readThroughsAtMs = nowMs;
  if (readThroughs < 1) return false;
  readThroughs--;
  return true;
}

function readRecord(value: unknown): KeyRecord | null {
  const parsed = KeyRecord.safeParse(value);
  return parsed.success ? parsed.data : null;
}
