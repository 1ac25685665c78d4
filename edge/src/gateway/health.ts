// Two different questions: does the process answer (`/healthz`), and can it deliver (`/readyz`: names what is not ready).

import { errorBody } from "@behaviour/contract";
import type { Env } from "../env.ts";
import { Refusal } from "../refusal.ts";
import { json } from "../respond.ts";
import { callKinesis, kinesisClient, kinesisEndpoint } from "../sink/kinesis.ts";
import { fetchBackend } from "./backend.ts";

const RETRY_AFTER_SECONDS = 5;

export function healthz(requestId: string): Response {
  return json(200, { success: true, status: "ok" }, requestId, { "Cache-Control": "no-store" });
}

export async function readyz(env: Env, requestId: string): Promise<Response> {
  const checks = { stream: streamReady(env), query: queryReady(env), keys: keysReady(env) };
  const notReady: string[] = [];
  for (const [part, check] of Object.entries(checks)) if (!(await check)) notReady.push(part);
  const caching = { "Cache-Control": "no-store" };
  if (notReady.length === 0) return json(200, { success: true, status: "ready", notReady }, requestId, caching);
  const message = `Not ready: ${notReady.join(", ")}.`;
  const body = { ...errorBody("unavailable", requestId, undefined, message), status: "not_ready", notReady };
  return json(503, body, requestId, { ...caching, "Retry-After": String(RETRY_AFTER_SECONDS) });
}

async function streamReady(env: Env): Promise<boolean> {
  try {
    const body = JSON.stringify({ StreamName: env.RAW_STREAM });
    const answer = await callKinesis(kinesisClient(env), kinesisEndpoint(env), "DescribeStreamSummary", body);
    const text = await answer.text();
    return answer.status === 200 && /"StreamStatus"\s*:\s*"(?:ACTIVE|UPDATING)"/.test(text);
  } catch {
    return false;
  }
}

async function queryReady(env: Env): Promise<boolean> {
  const answer = await fetchBackend(env, "/healthz", { method: "GET" });
  if (answer instanceof Refusal) return false;
  await answer.body?.cancel();
  return answer.ok;
}

async function keysReady(env: Env): Promise<boolean> {
  try {
    await env.KEYS.get("readyz");
    return true;
  } catch {
    return false;
  }
}
