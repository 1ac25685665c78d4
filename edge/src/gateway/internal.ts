// Internal routes, for the control plane alone: what it pushes to the edge. To anyone without the secret they do not exist.

import { Buffer } from "node:buffer";
import { KeyRecord } from "@behaviour/contract";
import * as z from "zod/mini";
import type { Env } from "../env.ts";
import { learnKey } from "../keyring.ts";
import { Refusal } from "../refusal.ts";
import { json } from "../respond.ts";

const KeysPush = z.object({
  records: z.array(z.object({ name: z.string().check(z.regex(/^key:[0-9a-f]{64}$/)), value: z.nullable(KeyRecord) })),
});
const KEY_PREFIX = "key:";
const MIN_SECRET_LENGTH = 32;

/** `POST /internal/keys` `{"records":[{"name":"key:<sha256>","value":KeyRecord|null}]}`; null deletes. */
export async function pushKeys(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  if (!isControlPlane(request, env)) return new Refusal("not_found");
  const parsed = KeysPush.safeParse(await request.json().catch(() => null));
  if (!parsed.success) return new Refusal("invalid_payload");
  for (const { name, value } of parsed.data.records) learnKey(name.slice(KEY_PREFIX.length), value, Date.now());
  await Promise.all(
    parsed.data.records.map(({ name, value }) =>
      value === null ? env.KEYS.delete(name) : env.KEYS.put(name, JSON.stringify(value)),
    ),
  );
  await revokeInShards(
    parsed.data.records.map(({ value }) => value),
    env,
  );
  return json(200, { success: true, data: { stored: parsed.data.records.length } }, requestId);
}

/** KV is up to a minute behind elsewhere, and isolates remember; a shard that knows of a revocation takes no event more. */
async function revokeInShards(records: readonly (KeyRecord | null)[], env: Env): Promise<void> {
  const nowMs = Date.now();
  const revoked = records
    .filter((record) => record !== null)
    .filter(({ revokedAt }) => (revokedAt ?? nowMs + 1) <= nowMs);
  if (revoked.length === 0) return;
  const directory = env.DIRECTORY.get(env.DIRECTORY.idFromName("shards"));
  for (const project of new Set(revoked.map((record) => record.project))) {
    const keyIds = revoked.filter((record) => record.project === project).map(({ id }) => id);
    const names = await directory.listProject(project);
    await Promise.all([
      ...names.map((name) => env.SHARD.get(env.SHARD.idFromName(name)).revokeKeys(keyIds)),
      env.LIVE.get(env.LIVE.idFromName(project)).closeKeys(keyIds),
    ]);
  }
}

function isControlPlane(request: Request, env: Env): boolean {
  const secret = env.INTERNAL_SECRET ?? "";
  if (secret.length < MIN_SECRET_LENGTH) return false;
  const expected = Buffer.from(`Bearer ${secret}`);
  const claimed = Buffer.from(request.headers.get("Authorization") ?? "");
  return claimed.byteLength === expected.byteLength && crypto.subtle.timingSafeEqual(claimed, expected);
}
