// Scripts the answers of the query backend from workerd, and reads how often it was called.

import { env } from "cloudflare:workers";
import { hashKey, type KeyRecord } from "@behaviour/contract";
import type { ScriptedAnswer } from "./server.ts";

export async function scriptAnswer(answer: ScriptedAnswer): Promise<void> {
  await fetch(`${env.QUERY_ENDPOINT}/test/answers`, { method: "PUT", body: JSON.stringify(answer) });
}

/** The control plane knows this key, even if KV does not. */
export function scriptKey(key: string, record: KeyRecord | null): Promise<void> {
  return scriptAnswer({ path: keyPath(key), status: record === null ? 404 : 200, body: record });
}

export function keyPath(key: string): string {
  return `/internal/keys/${hashKey(key)}`;
}

export async function callCount(path: string): Promise<number> {
  const answer = await fetch(`${env.QUERY_ENDPOINT}/test/count${path}`);
  return (await answer.json<{ count: number }>()).count;
}
