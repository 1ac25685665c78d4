// `GET /v1/live`: a WebSocket on which a project's events are told as they are accepted. A program sends its secret key in
// Authorization; a page can't set headers on a WebSocket and comes with the dashboard's cookie and our own Origin. API.md §5.

import type { KeyRecord } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { fetchBackend } from "../gateway/backend.ts";
import { identifyReader } from "../gateway/session.ts";
import { Refusal } from "../refusal.ts";
import { WATCHER_HEADER, type Watcher } from "./live-tail.ts";

export async function openLive(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") return new Refusal("upgrade_required");
  const reader = await identifyReader(request, "read", env);
  if (reader instanceof Refusal) return reader;
  const { record, keyHash, expiresAtMs } = reader;
  const unaudited = await audit(record, env, requestId);
  if (unaudited !== null) return unaudited;
  const watcher: Watcher = { project: record.project, shards: record.shards, keyId: record.id, keyHash, expiresAtMs };
  // A request of our own: nothing the client sent can pass for the watcher's name.
  return env.LIVE.get(env.LIVE.idFromName(record.project)).fetch("https://live.internal/", {
    headers: { Upgrade: "websocket", [WATCHER_HEADER]: JSON.stringify(watcher) },
  });
}

/** Every reading call is in the audit log before anything is read; without it nothing is. */
async function audit(record: KeyRecord, env: Env, requestId: string): Promise<Refusal | null> {
  const answer = await fetchBackend(env, "/v1/live", {
    method: "GET",
    headers: {
      "x-project": record.project,
      "x-key-id": record.id,
      "x-scopes": record.scopes.join(" "),
      "x-request-id": requestId,
    },
  });
  if (answer instanceof Refusal) return answer;
  await answer.body?.cancel();
  return answer.ok ? null : new Refusal("unavailable");
}
