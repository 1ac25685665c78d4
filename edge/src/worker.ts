// Connects routes to stages, and does nothing else. This Worker is the only public entry to the pipeline.

import { TUNINGS } from "@behaviour/contract";
import { Hono } from "hono";
import { closeSession, openSession } from "./access/session.ts";
import { Refusal } from "./answer/refusal.ts";
import { writeRefused } from "./answer/refusal-metric.ts";
import { json, newRequestId, preflight, refuse } from "./answer/respond.ts";
import { collect } from "./collect/pipeline.ts";
import { collectPixel } from "./collect/pixel.ts";
import { type IngestRoute, ingestRoute } from "./collect/routes.ts";
import { settings } from "./collect/settings.ts";
import type { Env } from "./env.ts";
import { faultFrames } from "./fault-text.ts";
import { getConsent, postConsent } from "./gateway/consent.ts";
import { forward } from "./gateway/forward.ts";
import { healthz, readyz } from "./gateway/health.ts";
import { pushKeys } from "./gateway/internal.ts";
import { openApi } from "./gateway/openapi.ts";
import { demoConfig, gpcSupport, page } from "./gateway/pages.ts";
import { type ForOwnRoutes, forwardedRoute } from "./gateway/routes.ts";
import { openLive } from "./live/open.ts";
import { log } from "./log.ts";
import { noteRefused } from "./note-refusal.ts";
import { inJurisdiction } from "./placement/jurisdiction.ts";
import { sweepShards } from "./shard/sweeper.ts";

export { EndedSessions } from "./access/ended-sessions.ts";
export { DailySalt } from "./consent/salt.ts";
export { ConsentLedger } from "./ledger/home.ts";
export { LiveTail } from "./live/live-tail.ts";
export { ShardDirectory } from "./placement/directory.ts";
export { RateLimiter } from "./shard/rate-limiter.ts";
export { BufferShard } from "./shard/shard.ts";

type Answer = Response | Refusal;
type Handler = (request: Request, env: Env, requestId: string) => Answer | Promise<Answer>;

const OWN_HANDLERS: ForOwnRoutes<Handler> = {
  "/healthz": { GET: (_request, _env, requestId) => healthz(requestId) },
  "/readyz": { GET: (_request, env, requestId) => readyz(env, requestId) },
  "/openapi.json": { GET: (_request, _env, requestId) => openApi(requestId) },
  "/v1/session": { POST: openSession, DELETE: closeSession },
  "/v1/live": { GET: openLive },
  "/v1/consent": { GET: getConsent, POST: postConsent },
  "/consent": { GET: getConsent, POST: postConsent },
  "/internal/keys": { POST: pushKeys },
  "/demo/config.json": { GET: (_request, env, requestId) => demoConfig(env, requestId) },
  "/.well-known/gpc.json": { GET: (_request, _env, requestId) => gpcSupport(requestId) },
};

/** Serves everything except ingestion. */
const app = new Hono<{ Bindings: Env }>();
app.all("*", async ({ req, env }) => {
  const requestId = newRequestId();
  const path = pathOf(req.url);
  const answer = await route(req.raw, path, env, requestId);
  if (!(answer instanceof Refusal)) return answer;
  noteRefused(answer, path, req.raw, env, requestId);
  return refuse(whileUnread(answer, req.raw), requestId);
});
app.onError((fault) => unexpected(fault, newRequestId()));

/** The path that watchers see, because the request's own path contains a key. */
const SETTINGS_PATH = "/v1/projects/<writeKey>/settings";

/** Ingestion bypasses the router, which would be a fifteenth of the cost of a single event. */
async function handle(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
  const path = pathOf(request.url);
  const ingest = ingestRoute(path);
  if (ingest === null || request.method === "OPTIONS") return app.fetch(request, env, context);
  const requestId = newRequestId();
  if (request.method !== ingest.method) return methodNotAllowed([ingest.method, "OPTIONS"], requestId);
  try {
    const answer = await handleIngest(request, ingest.route, env, requestId);
    if (!(answer instanceof Refusal)) return answer;
    noteRefused(answer, ingest.route.kind === "settings" ? SETTINGS_PATH : path, request, env, requestId);
    return refuse(whileUnread(answer, request), requestId);
  } catch (fault) {
    return unexpected(fault, requestId);
  }
}

/**
 * A client that is cut off while it still writes never reads its answer. A small body has arrived by the time it is refused, and
 * refusing a key must stay cheap.
 */
function whileUnread(refusal: Refusal, request: Request): Refusal {
  const declared = request.headers.get("Content-Length");
  if (refusal.body !== null || (declared !== null && Number(declared) <= TUNINGS.bodySmallBytes)) return refusal;
  return request.body === null || request.bodyUsed ? refusal : refusal.unread(request.body);
}

/** Our own fault is never a fault of the client's data, so the client may send again. */
function unexpected(fault: unknown, requestId: string): Response {
  log("error", "unexpected fault", { requestId, fault, stack: faultFrames(fault) });
  return refuse(new Refusal("unavailable", { retryAfterSeconds: 2 }), requestId);
}

/** The runtime provides normalised URLs, so no `URL` is built: it would cost 5 µs of an event's 200. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  const query = url.indexOf("?", start);
  const end = query < 0 ? url.indexOf("#", start) : query;
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

async function route(request: Request, pathname: string, env: Env, requestId: string): Promise<Answer> {
  if (request.method === "OPTIONS") return preflight(request, requestId);
  const path = pathname.length > 1 ? pathname.replace(/\/$/, "") : pathname;
  if (Object.hasOwn(OWN_HANDLERS, path)) {
    const own: Record<string, Handler> = OWN_HANDLERS[path as keyof typeof OWN_HANDLERS];
    const handler = own[request.method === "HEAD" ? "GET" : request.method];
    if (handler !== undefined) return handler(request, env, requestId);
    // To a caller without the secret the internal routes do not exist, whatever the method.
    if (path.startsWith("/internal/")) return new Refusal("not_found");
    return methodNotAllowed([...Object.keys(own), "OPTIONS"], requestId);
  }
  const forwarded = forwardedRoute(path);
  if (forwarded !== null) {
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (!forwarded.methods.includes(method)) return methodNotAllowed([...forwarded.methods, "OPTIONS"], requestId);
    return forward(request, forwarded, env, requestId);
  }
  if (request.method !== "GET" && request.method !== "HEAD") return new Refusal("not_found");
  return page(request, env, requestId);
}

function handleIngest(request: Request, ingest: IngestRoute, env: Env, requestId: string): Answer | Promise<Answer> {
  switch (ingest.kind) {
    case "event":
    case "batch":
    case "beacon":
      return collect(request, ingest, env, requestId);
    case "clientMetrics":
      return json(200, { success: true }, requestId);
    case "pixel":
      return collectPixel(request, env, requestId);
    case "settings":
      return settings(ingest.writeKey, request, env, requestId);
  }
}

function methodNotAllowed(allowed: readonly string[], requestId: string): Response {
  return refuse(new Refusal("method_not_allowed"), requestId, { Allow: allowed.join(", ") });
}

export default {
  fetch: (request: Request, env: Env, context: ExecutionContext) => handle(request, inJurisdiction(env), context),
  async scheduled(_controller, env) {
    writeRefused(Date.now());
    await sweepShards(inJurisdiction(env));
  },
} satisfies ExportedHandler<Env>;
