// Answers two health checks: `/healthz` shows that the process answers, `/readyz` whether it can deliver and which part can't.

import { errorBody } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import { json } from "../answer/respond.ts";
import type { Env } from "../env.ts";
import { fetchBackend } from "../outbound/backend.ts";
import { callKinesis, type KinesisTarget, kinesisTargets } from "../sink/kinesis.ts";

const RETRY_AFTER_SECONDS = 5;

export function healthz(requestId: string): Response {
  return json(200, { success: true, status: "ok" }, requestId, { "Cache-Control": "no-store" });
}

/** A load balancer asks from many places at the same time, and Kinesis answers 20 such calls a second for an account. */
const BELIEVED_MS = 5_000;
/** A check whose request was cut off never returns. After this time a new check may start. */
const ASKING_MAX_MS = 15_000;

interface Parts {
  notReady: readonly string[];
  /** Parts that are not ready, but are replaced by another part. */
  degraded: readonly string[];
  atMs: number;
}

/** Plain state of the isolate: no request waits for the calls of another request. */
let known: Parts | null = null;
let askingSinceMs: number | null = null;

/** Ready if at least one region accepts events: shards flush to the other region while one accepts nothing (E13). */
export async function readyz(env: Env, requestId: string): Promise<Response> {
  const { notReady, degraded } = await lookAtParts(env, Date.now());
  const caching = { "Cache-Control": "no-store" };
  if (notReady.length === 0) {
    return json(200, { success: true, status: "ready", notReady, degraded }, requestId, caching);
  }
  const message = `Not ready: ${notReady.join(", ")}.`;
  const body = { ...errorBody("unavailable", requestId, undefined, message), status: "not_ready", notReady };
  return json(503, body, requestId, { ...caching, "Retry-After": String(RETRY_AFTER_SECONDS) });
}

async function lookAtParts(env: Env, nowMs: number): Promise<Parts> {
  const isAsking = askingSinceMs !== null && Math.abs(nowMs - askingSinceMs) < ASKING_MAX_MS;
  if (known !== null && (isAsking || Math.abs(nowMs - known.atMs) < BELIEVED_MS)) return known;
  askingSinceMs = nowMs;
  try {
    const [deaf, query, keys] = await Promise.all([streamsNotReady(env), queryReady(env), keysReady(env)]);
    const isDeliverable = deaf.length < kinesisTargets(env).length;
    const notReady = [...(isDeliverable ? [] : ["stream"]), ...(query ? [] : ["query"]), ...(keys ? [] : ["keys"])];
    known = { notReady, degraded: isDeliverable ? deaf.map((region) => `stream ${region}`) : [], atMs: nowMs };
    return known;
  } finally {
    askingSinceMs = null;
  }
}

/** @returns the regions whose stream accepts nothing. */
async function streamsNotReady(env: Env): Promise<string[]> {
  const targets = kinesisTargets(env);
  const ready = await Promise.all(targets.map((target) => streamReady(target, env)));
  return targets.filter((_, index) => ready[index] !== true).map(({ region }) => region);
}

async function streamReady(target: KinesisTarget, env: Env): Promise<boolean> {
  try {
    const body = JSON.stringify({ StreamName: env.RAW_STREAM });
    const answer = await callKinesis(target, "DescribeStreamSummary", body);
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
