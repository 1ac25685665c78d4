// Serves the internal routes, through which only the control plane pushes to the edge. Without the secret they do not exist.

import { Buffer } from "node:buffer";
import { KeyRecord } from "@behaviour/contract";
import * as z from "zod/mini";
import { learnKey } from "../access/keyring.ts";
import { Refusal } from "../answer/refusal.ts";
import { json } from "../answer/respond.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { revokeInDirectories } from "../placement/directories.ts";
import { liveTailOf, shardByName } from "../placement/stubs.ts";

const KeysPush = z.object({
  records: z.array(z.object({ name: z.string().check(z.regex(/^key:[0-9a-f]{64}$/)), value: z.nullable(KeyRecord) })),
});
type KeysPush = z.infer<typeof KeysPush>;
const KEY_PREFIX = "key:";
const SHARDS_AT_ONCE = 50;
const MIN_SECRET_LENGTH = 32;

/** `POST /internal/keys` `{"records":[{"name":"key:<sha256>","value":KeyRecord|null}]}`; null deletes. */
export async function pushKeys(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  if (!isControlPlane(request, env)) return new Refusal("not_found");
  const parsed = KeysPush.safeParse(await request.json().catch(() => null));
  if (!parsed.success) return new Refusal("invalid_payload");
  for (const { name, value } of parsed.data.records) learnKey(name.slice(KEY_PREFIX.length), value, Date.now());
  const { records } = parsed.data;
  // Shards first, because they refuse the events. Each step runs even if another step failed, so KV is always written.
  const revoked = await revoke(records, env);
  const stored = await settle(records.map(({ name, value }) => store(name, value, env)));
  const faults = [...revoked, ...stored];
  if (faults.length === 0) return json(200, { success: true, data: { stored: records.length } }, requestId);
  log("error", "keys not pushed everywhere", { requestId, failed: faults.length, fault: faults[0] });
  return new Refusal("unavailable", {
    message: "Some shards did not receive the keys. Push the keys again.",
    retryAfterSeconds: 2,
  });
}

async function store(name: string, value: KeyRecord | null, env: Env): Promise<void> {
  await (value === null ? env.KEYS.delete(name) : env.KEYS.put(name, JSON.stringify(value)));
}

/**
 * In other locations KV is up to a minute behind, and isolates cache records. A shard that knows the revocation refuses events.
 * @returns the faults that occurred.
 */
async function revoke(records: KeysPush["records"], env: Env): Promise<unknown[]> {
  const nowMs = Date.now();
  const byProject = new Map<string, string[]>();
  for (const { value } of records) {
    if (value === null || (value.revokedAt ?? nowMs + 1) > nowMs) continue;
    const keyIds = byProject.get(value.project);
    if (keyIds === undefined) byProject.set(value.project, [value.id]);
    else keyIds.push(value.id);
  }
  const faults = await settle([...byProject].map(([project, keyIds]) => revokeKeys(project, keyIds, env)));
  return faults.flatMap((fault) => (fault instanceof AggregateError ? (fault.errors as unknown[]) : [fault]));
}

/** @throws AggregateError of all faults, after all other work is done. */
async function revokeKeys(project: string, keyIds: readonly string[], env: Env): Promise<void> {
  const closed = settle([liveTailOf(env, project).closeKeys(keyIds)]);
  const { shards, faults } = await revokeInDirectories(env, project, keyIds);
  for (let start = 0; start < shards.length; start += SHARDS_AT_ONCE) {
    const some = shards.slice(start, start + SHARDS_AT_ONCE);
    faults.push(...(await settle(some.map((name) => shardByName(env, name).revokeKeys(keyIds)))));
  }
  faults.push(...(await closed));
  if (faults.length > 0) throw new AggregateError(faults);
}

/** Waits for all promises. @returns the reasons of the rejected promises. */
async function settle(work: readonly Promise<unknown>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(work);
  return results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
}

function isControlPlane(request: Request, env: Env): boolean {
  const secret = env.INTERNAL_SECRET ?? "";
  if (secret.length < MIN_SECRET_LENGTH) return false;
  const expected = Buffer.from(`Bearer ${secret}`);
  const claimed = Buffer.from(request.headers.get("Authorization") ?? "");
  return claimed.byteLength === expected.byteLength && crypto.subtle.timingSafeEqual(claimed, expected);
}
