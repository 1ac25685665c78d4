// Makes every call from the edge to the query Lambda, signed with SigV4 and within a deadline. A client never reaches the backend
// directly (docs/API_DOCUMENTATION.md).

import { LIMITS } from "@behaviour/contract";
import { AwsClient } from "aws4fetch";
import { Refusal } from "../answer/refusal.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { withIdleDeadline } from "./idle-deadline.ts";

/** `whole` bounds the complete call with its body. `idle` bounds the wait for the head and for each piece of the body. */
export type BackendDeadline = "whole" | "idle";

/** Paths begin with "/". A call that fails or is late gives `unavailable`. Nothing is retried here. */
export async function fetchBackend(
  env: Env,
  path: string,
  init: RequestInit,
  deadline: BackendDeadline = "whole",
): Promise<Response | Refusal> {
  if (env.QUERY_ENDPOINT === undefined) {
    return new Refusal("unavailable", { message: "Reading is not configured. Set QUERY_ENDPOINT." });
  }
  const client = new AwsClient({
    accessKeyId: env.AWS_ACCESS_KEY_ID,
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY,
    ...(env.AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: env.AWS_SESSION_TOKEN }),
    region: env.AWS_REGION,
    service: "lambda",
    retries: 0,
  });
  const call = (signal: AbortSignal) =>
    client.fetch(new URL(path, env.QUERY_ENDPOINT), { ...init, redirect: "manual", signal });
  try {
    return deadline === "idle"
      ? await withIdleDeadline(call, LIMITS.callDeadlineMs)
      : await call(AbortSignal.timeout(LIMITS.callDeadlineMs));
  } catch (fault) {
    log("warn", "query backend does not answer", { fault });
    return new Refusal("unavailable", { retryAfterSeconds: 2 });
  }
}
