// Authorizes reads and administration, and forwards them to the query Lambda, which trusts our signed headers about the caller.

import { ERRORS, type ErrorCode, isObject, type KeyRecord, LIMITS, sizeText } from "@behaviour/contract";
import { authenticateReader } from "../access/session.ts";
import { Refusal } from "../answer/refusal.ts";
import { refuse, withCommonHeaders } from "../answer/respond.ts";
import { type BodyBounds, judgeHeaders, readBody } from "../body/read.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { fetchBackend } from "../outbound/backend.ts";
import { backendAddress } from "./backend-address.ts";
import type { ForwardedRoute } from "./routes.ts";
import { shardTrace } from "./trace.ts";

const RETRY_AFTER_SECONDS = 2;
const ERROR_MAX_BYTES = 64 * 1_024;
const PRINTABLE = /^[ -~]{1,200}$/;

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
  const address = backendAddress(new URL(request.url));
  if (address instanceof Refusal) return address;
  const call = { address, record, route, requestId };
  if (request.body === null || request.method === "GET" || request.method === "HEAD") {
    return callBackend(request, null, call, env);
  }
  const how = judgeHeaders(request.headers);
  if (how instanceof Refusal) return how;
  const read = await readBody(request, how, boundsOf(new URL(request.url).pathname));
  // Not every call needs a body, so the backend decides.
  if (read instanceof Refusal) return read.code === "empty_body" ? callBackend(request, "", call, env) : read;
  // The body counts against the budget until the backend has answered.
  using body = read;
  return await callBackend(request, body.text, call, env);
}

const BOUNDS: BodyBounds = {
  bytes: LIMITS.forwardedBodyBytes,
  compressedBytes: LIMITS.forwardedBodyBytes,
  tooLarge: `The body is larger than ${sizeText(LIMITS.forwardedBodyBytes)}.`,
};
const PLAN_BOUNDS: BodyBounds = {
  bytes: LIMITS.forwardedPlanBytes,
  compressedBytes: LIMITS.bodyCompressedBytes,
  tooLarge: `The body is larger than ${sizeText(LIMITS.forwardedPlanBytes)} (${sizeText(LIMITS.bodyCompressedBytes)} compressed).`,
};

/** The body of a query or a change is small, and a larger body is refused here. Only a tracking plan may be large. */
function boundsOf(path: string): BodyBounds {
  return path.startsWith("/v1/admin/tracking-plan") ? PLAN_BOUNDS : BOUNDS;
}

/** A forwarded call that has passed all checks. */
interface BackendCall {
  /** Path and query at the backend. */
  address: string;
  record: KeyRecord;
  route: ForwardedRoute;
  requestId: string;
}

async function callBackend(
  request: Request,
  body: string | null,
  { address, record, route, requestId }: BackendCall,
  env: Env,
): Promise<Response | Refusal> {
  const headers = new Headers({
    "x-project": record.project,
    "x-key-id": record.id,
    "x-scopes": record.scopes.join(" "),
    "x-request-id": requestId,
  });
  const contentType = request.headers.get("Content-Type");
  if (contentType !== null && PRINTABLE.test(contentType)) headers.set("Content-Type", contentType);
  const trace = await shardTrace(address, record, env);
  if (trace !== null) headers.set("x-shard-trace", JSON.stringify(trace));
  const init = { method: request.method, headers, ...(body === null ? {} : { body }) };
  const answer = await fetchBackend(env, address, init, route.streams === true ? "idle" : "whole");
  return answer instanceof Refusal ? answer : judgeAnswer(answer, request.method === "HEAD", requestId);
}

/** The headers of an answer that are passed on. The platform's own headers must not leave. */
const PASSED_HEADERS = ["Content-Type", "Content-Disposition", "Cache-Control", "Retry-After", "Allow"];
const THROTTLED = 429;

/**
 * The platform itself may answer instead of the backend: the function failed, timed out, is throttled, or rejected our signature.
 * Such an answer means nothing to a client, so it is replaced. The backend's own errors are errors of the contract.
 */
async function judgeAnswer(answer: Response, isHead: boolean, requestId: string): Promise<Response | Refusal> {
  const { status } = answer;
  const headers = new Headers();
  for (const name of PASSED_HEADERS) {
    const value = answer.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  if (status >= 200 && status < 300) {
    return withCommonHeaders(new Response(answer.body, { status, headers }), requestId);
  }
  const text = await readBounded(answer);
  // An answer to HEAD has no body to check.
  const isOurs = isHead
    ? status >= 400 && status < THROTTLED && status !== 403
    : text !== null && isOwnError(status, text);
  if (isOurs) return withCommonHeaders(new Response(isHead ? null : text, { status, headers }), requestId);
  log("error", "query backend failed", { status, requestId });
  return new Refusal(status === THROTTLED ? "overloaded" : "unavailable", { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** @returns null if the answer breaks off, or is longer than any of our errors. */
async function readBounded(answer: Response): Promise<string | null> {
  if (Number(answer.headers.get("Content-Length") ?? 0) > ERROR_MAX_BYTES) {
    await answer.body?.cancel();
    return null;
  }
  try {
    const text = await answer.text();
    return text.length > ERROR_MAX_BYTES ? null : text;
  } catch {
    return null;
  }
}

function isOwnError(status: number, text: string): boolean {
  try {
    const body: unknown = JSON.parse(text);
    if (!isObject(body) || body.success !== false || typeof body.code !== "string") return false;
    return Object.hasOwn(ERRORS, body.code) && ERRORS[body.code as ErrorCode].status === status;
  } catch {
    return false;
  }
}
