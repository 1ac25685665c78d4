// Reads and administration: judged here, answered by the query Lambda. It believes what the signed headers say of the caller.

import { type KeyRecord, packIds } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { Refusal } from "../refusal.ts";
import { refuse, withCommonHeaders } from "../respond.ts";
import { fetchBackend } from "./backend.ts";
import type { ForwardedRoute } from "./routes.ts";
import { authenticateReader } from "./session.ts";

const EVENT_PATH = /^\/v1\/events\/([^/]+)$/;

export async function forward(request: Request, route: ForwardedRoute, env: Env, requestId: string): Promise<Response> {
  const record = await authenticateReader(request, route.scope, env);
  if (record instanceof Refusal) return refuse(record, requestId);
  const url = new URL(request.url);
  const path = url.pathname.replace(/\/$/, "");
  const headers = new Headers({
    "x-project": record.project,
    "x-key-id": record.id,
    "x-scopes": record.scopes.join(" "),
    "x-request-id": requestId,
  });
  const contentType = request.headers.get("Content-Type");
  if (contentType !== null) headers.set("Content-Type", contentType);
  const trace = await shardTrace(path, record, env);
  if (trace !== null) headers.set("x-shard-trace", JSON.stringify(trace));
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  const answer = await fetchBackend(env, `${path}${url.search}`, {
    method: request.method,
    headers,
    ...(hasBody ? { body: await request.arrayBuffer() } : {}),
  });
  return answer instanceof Refusal ? refuse(answer, requestId) : withCommonHeaders(answer, requestId);
}

/** `GET /v1/events/<messageId>` also tells what only the shards know: that it was accepted, and flushed. ISO times. */
async function shardTrace(
  path: string,
  record: KeyRecord,
  env: Env,
): Promise<{ accepted: string; flushed?: string } | null> {
  const match = EVENT_PATH.exec(path);
  if (match === null) return null;
  const id = packIds([decodeURIComponentSafely(match[1] as string)]);
  const directory = env.DIRECTORY.get(env.DIRECTORY.idFromName("shards"));
  const names = await directory.listProject(record.project);
  const traces = await Promise.all(
    names.map((name) =>
      env.SHARD.get(env.SHARD.idFromName(name))
        .trace(id)
        .catch(() => null),
    ),
  );
  const found = traces.filter((trace) => trace !== null).sort((a, b) => a.acceptedAtMs - b.acceptedAtMs)[0];
  if (found === undefined) return null;
  const accepted = new Date(found.acceptedAtMs).toISOString();
  return found.flushedAtMs === null ? { accepted } : { accepted, flushed: new Date(found.flushedAtMs).toISOString() };
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
