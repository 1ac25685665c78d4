// Reads and administration: judged here, answered by the query Lambda. It believes what the signed headers say of the caller.

import type { KeyRecord } from "@behaviour/contract";
import { judgeHeaders, withBody } from "../collect/read.ts";
import type { Env } from "../env.ts";
import { Refusal } from "../refusal.ts";
import { refuse, withCommonHeaders } from "../respond.ts";
import { fetchBackend } from "./backend.ts";
import type { ForwardedRoute } from "./routes.ts";
import { authenticateReader } from "./session.ts";
import { shardTrace } from "./trace.ts";

const RETRY_AFTER_SECONDS = 2;

export async function forward(request: Request, route: ForwardedRoute, env: Env, requestId: string): Promise<Response> {
  const answer = await answerFor(request, route, env, requestId);
  return answer instanceof Refusal ? refuse(answer, requestId) : answer;
}

async function answerFor(
  request: Request,
  route: ForwardedRoute,
  env: Env,
  requestId: string,
): Promise<Response | Refusal> {
  const record = await authenticateReader(request, route.scope, env);
  if (record instanceof Refusal) return record;
  if (request.body === null || request.method === "GET" || request.method === "HEAD") {
    return callBackend(request, null, record, route, env, requestId);
  }
  const how = judgeHeaders(request.headers);
  if (how instanceof Refusal) return how;
  // Within the bounds of every body, and counted with them while the backend has it.
  const use = (text: string) => callBackend(request, text, record, route, env, requestId);
  const answer = await withBody(request, how, use);
  // Not every call needs one: the backend judges.
  return answer instanceof Refusal && answer.code === "empty_body" ? use("") : answer;
}

async function callBackend(
  request: Request,
  body: string | null,
  record: KeyRecord,
  route: ForwardedRoute,
  env: Env,
  requestId: string,
): Promise<Response | Refusal> {
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
  const init = { method: request.method, headers, ...(body === null ? {} : { body }) };
  const answer = await fetchBackend(env, `${path}${url.search}`, init, route.streams === true ? "idle" : "whole");
  return answer instanceof Refusal ? answer : judgeAnswer(answer, requestId);
}

/**
 * What the platform answers in the backend's stead is none of ours and says nothing to a client: a function that failed or
 * timed out (5xx), is throttled (429), or did not take our signature (403 with the platform's mark).
 */
async function judgeAnswer(answer: Response, requestId: string): Promise<Response | Refusal> {
  const { status, headers } = answer;
  const isPlatforms = headers.has("x-amzn-errortype") || (status >= 500 && status !== 503);
  if (!isPlatforms && status !== 429) return withCommonHeaders(answer, requestId);
  await answer.body?.cancel();
  console.error(JSON.stringify({ level: "error", message: "query backend failed", status, requestId }));
  return new Refusal(status === 429 ? "overloaded" : "unavailable", { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
