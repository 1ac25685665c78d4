// Creates keys for tests as the control plane does, and writes them where the edge looks for them.

import { env } from "cloudflare:workers";
import { generateKey, hashKey, type KeyRecord, keyRecordName, PUBLIC_SCOPES, SCOPES } from "@behaviour/contract";

let made = 0;

/** A unique project name, which separates tests, also on the stream. */
export function newProject(name: string): string {
  return `${name}-${++made}-${crypto.randomUUID().slice(0, 8)}`;
}

export function keyRecord(change: Partial<KeyRecord> & { project: string }): KeyRecord {
  const kind = change.kind ?? "public";
  return {
    id: `key-${++made}`,
    kind,
    environment: "live",
    scopes: kind === "public" ? [...PUBLIC_SCOPES] : [...SCOPES],
    origins: [],
    cidrs: [],
    rateLimit: 100_000,
    notBefore: null,
    notAfter: null,
    revokedAt: null,
    shards: 1,
    // Requests of tests have no country. Without this setting, events of visitors without a country and consent are dropped.
    settings: { consentRegime: "opt-out" },
    ...change,
  };
}

/** Creates a key whose record is in KV. */
export async function newKey(change: Partial<KeyRecord> & { project: string }): Promise<string> {
  const record = keyRecord(change);
  const key = generateKey(record.kind, record.environment);
  await putRecord(key, record);
  return key;
}

export async function putRecord(key: string, record: KeyRecord): Promise<void> {
  await env.KEYS.put(keyRecordName(hashKey(key)), JSON.stringify(record));
}
