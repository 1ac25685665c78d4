// Two different questions: does the process answer (`/healthz`), and can it deliver (`/readyz`: names what is not ready).

import type { Env } from "../env.ts";
import { Refusal } from "../refusal.ts";
import { json } from "../respond.ts";
import { callKinesis, kinesisClient, kinesisEndpoint } from "../sink/kinesis.ts";
import { fetchBackend } from "./backend.ts";

export function healthz(requestId: string): Response {
  return json(200, { success: true, status: "ok" }, requestId, { "Cache-Control": "no-store" });
}

export async function readyz(env: Env, requestId: string): Promise<Response> {
  const checks = { stream: streamReady(env), query: queryReady(env), keys: keysReady(env) };
  const notReady: string[] = [];
  for (const [part, check] of Object.entries(checks)) if (!(await check)) notReady.push(part);
  const ready = notReady.length === 0;
  const body = { success: ready, status: ready ? "ready" : "not_ready", notReady };
  return json(ready ? 200 : 503, body, requestId, {
    "Cache-Control": "no-store",
    ...(ready ? {} : { "Retry-After": "5" }),
  });
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
