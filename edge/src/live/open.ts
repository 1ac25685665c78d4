// Answers `GET /v1/live` with a WebSocket that sends a project's events as they are accepted. A program sends its secret key in
// `Authorization`. A page cannot set headers on a WebSocket, so it sends the dashboard's cookie and our own `Origin`.
// docs/API_DOCUMENTATION.md#reading.

import type { KeyRecord } from "@behaviour/contract";
import { identifyReader } from "../access/session.ts";
import { Refusal } from "../answer/refusal.ts";
import type { Env } from "../env.ts";
import { fetchBackend } from "../outbound/backend.ts";
import { liveTailOf } from "../placement/stubs.ts";
import { WATCHER_HEADER, type Watcher } from "./live-tail.ts";

export async function openLive(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") return new Refusal("upgrade_required");
  const reader = await identifyReader(request, "read", env);
  if (reader instanceof Refusal) return reader;
  const { record, keyHash, session } = reader;
  const unaudited = await audit(record, env, requestId);
  if (unaudited !== null) return unaudited;
  const watcher: Watcher = { project: record.project, shards: record.shards, keyId: record.id, keyHash, session };
  // This request is new, so that no header of the client can name the watcher.
  const answer = await liveTailOf(env, record.project).fetch("https://live.internal/", {
    headers: { Upgrade: "websocket", [WATCHER_HEADER]: JSON.stringify(watcher) },
  });
  return answer.webSocket === null ? answer : relay(answer.webSocket);
}

/**
 * Joins the tail's socket to a socket for the client. The client could use the tail's socket directly, except for its end: a
 * hibernating socket sends its close frame immediately, but closes the TCP connection only after the object was idle for ten
 * seconds (seen in workerd 1.20261102), and most clients report the end only then. The Worker is charged for CPU, not for
 * waiting.
 */
function relay(tail: WebSocket): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  tail.accept();
  server.accept();
  join(tail, server);
  join(server, tail);
  return new Response(null, { status: 101, webSocket: client });
}

function join(from: WebSocket, to: WebSocket): void {
  from.addEventListener("message", ({ data }) => {
    try {
      to.send(data as string | ArrayBuffer);
    } catch {
      // The other side is closing, and its own event passes the end on.
    }
  });
  from.addEventListener("close", ({ code, reason }) => close(to, code, reason));
  from.addEventListener("error", () => close(to, INTERNAL_ERROR, ""));
}

/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;
/** Codes that mean a close without a code or without a close frame. They must not be sent. */
const UNSENDABLE = new Set([1005, 1006, 1015]);

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(UNSENDABLE.has(code) ? GOING_AWAY : code, reason);
  } catch {
    // The socket is already closed.
  }
}

/** Every reading call is written to the audit log before the read. If the write fails, nothing is read. */
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
