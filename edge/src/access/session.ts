// Exchanges a secret key for the dashboard's session, an HttpOnly cookie, so that no page holds a key.
// docs/API_DOCUMENTATION.md#keys. On every call from our own pages the cookie represents its key, with that key's scopes.
// Revoking the key therefore ends its sessions too.

import { hashKey, LIMITS, type Scope, TUNINGS } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import { json } from "../answer/respond.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { within } from "../outbound/idle-deadline.ts";
import { liveTailOf } from "../placement/stubs.ts";
import { authorize, keyInHeaders } from "./authenticate.ts";
import type { CompiledKey } from "./compiled-key.ts";
import { endedSessions } from "./ended-sessions.ts";
import { findKey, findKeyByHash } from "./keyring.ts";
import { newSession, readCookie, readSession, type Session, sealSession, setCookie } from "./session-token.ts";

const NO_STORE = { "Cache-Control": "no-store" };
const RETRY_AFTER_SECONDS = 2;

/** `POST /v1/session`: signs in with a secret key as Bearer. */
export async function openSession(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  const key = keyInHeaders(request.headers);
  if (key instanceof Refusal) return key;
  if (key === null) return new Refusal("missing_api_key");
  const nowMs = Date.now();
  const record = await findKey(key, env, nowMs);
  if (record instanceof Refusal) return record;
  const refusal = authorize(record, request, "read");
  if (refusal !== null) return refusal;
  if (record.kind !== "secret") return new Refusal("insufficient_scope");
  const session = newSession(hashKey(key), nowMs);
  const expiresAt = new Date(session.expiresAtMs).toISOString();
  return json(200, { success: true, data: { project: record.project, expiresAt } }, requestId, {
    ...NO_STORE,
    "Set-Cookie": setCookie(request, await sealSession(session, env), LIMITS.sessionMs / 1_000),
  });
}

/**
 * `DELETE /v1/session`: ends the session everywhere. Without a session, or with a session that has already ended, the call
 * succeeds: the requested state is already reached.
 */
export async function closeSession(request: Request, env: Env, requestId: string): Promise<Response | Refusal> {
  const token = readCookie(request);
  const isOrdered = token !== null || request.headers.has("Origin");
  const refusal = isOrdered ? judgeOrigin(request) : null;
  if (refusal !== null) return refusal;
  const session = token === null ? null : await readSession(token, env, Date.now());
  if (session !== null) {
    const unended = await end(session, env);
    if (unended !== null) return unended;
  }
  return json(200, { success: true }, requestId, { ...NO_STORE, "Set-Cookie": setCookie(request, "", 0) });
}

async function end(session: Session, env: Env): Promise<Refusal | null> {
  try {
    await within(endedSessions(env, session).end(session), LIMITS.callDeadlineMs);
  } catch (fault) {
    log("error", "session not ended", { fault });
    return new Refusal("unavailable", { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
  rememberVerdict(session, true, Date.now());
  const key = await findKeyByHash(session.keyHash, env, Date.now());
  const { project } = key;
  if (project === null) return null;
  try {
    await within(liveTailOf(env, project).closeSession(session.id), LIMITS.callDeadlineMs);
  } catch (fault) {
    // The live tail also checks its sessions every few seconds.
    log("warn", "live tail not told of a session's end", { fault });
  }
  return null;
}

/** Authenticates a reader: by a secret key in a header, otherwise by the dashboard's cookie from our own pages. */
export async function authenticateReader(request: Request, scope: Scope, env: Env): Promise<CompiledKey | Refusal> {
  const reader = await identifyReader(request, scope, env);
  return reader instanceof Refusal ? reader : reader.record;
}

export interface Reader {
  record: CompiledKey;
  /** Hex SHA-256. */
  keyHash: string;
  /** Null if the reader sent a key. */
  session: Session | null;
}

/** For calls whose key may also be in the body. @returns the record of the cookie's key, null without a cookie. */
export async function authenticateSession(
  request: Request,
  scope: Scope,
  env: Env,
): Promise<CompiledKey | Refusal | null> {
  if (readCookie(request) === null) return null;
  const reader = await readerOfSession(request, env, Date.now());
  if (reader instanceof Refusal) return reader;
  return authorize(reader.record, request, scope)?.of(reader.record.project) ?? reader.record;
}

/** Like `authenticateReader`, but also returns the key's hash and the session, so that the caller can check again later. */
export async function identifyReader(request: Request, scope: Scope, env: Env): Promise<Reader | Refusal> {
  const nowMs = Date.now();
  const key = keyInHeaders(request.headers);
  if (key instanceof Refusal) return key;
  const reader = key === null ? await readerOfSession(request, env, nowMs) : await readerOfKey(key, env, nowMs);
  if (reader instanceof Refusal) return reader;
  return authorize(reader.record, request, scope) ?? reader;
}

async function readerOfKey(key: string, env: Env, nowMs: number): Promise<Reader | Refusal> {
  const record = await findKey(key, env, nowMs);
  return record instanceof Refusal ? record : { record, keyHash: hashKey(key), session: null };
}

async function readerOfSession(request: Request, env: Env, nowMs: number): Promise<Reader | Refusal> {
  const token = readCookie(request);
  if (token === null) return new Refusal("missing_api_key");
  const refusal = judgeOrigin(request);
  if (refusal !== null) return refusal;
  const session = await readSession(token, env, nowMs);
  if (session === null) return new Refusal("invalid_api_key");
  const isOver = await hasEnded(session, env, nowMs);
  if (isOver instanceof Refusal) return isOver;
  if (isOver) return new Refusal("invalid_api_key");
  const record = await findKeyByHash(session.keyHash, env, nowMs);
  return record instanceof Refusal ? record : { record, keyHash: session.keyHash, session };
}

/**
 * SameSite=Strict excludes other sites; this excludes pages of our site that have another origin. A request that changes
 * anything must have our Origin. On a GET to its own origin a browser sends no Origin, but Sec-Fetch-Site.
 */
function judgeOrigin(request: Request): Refusal | null {
  const origin = request.headers.get("Origin");
  if (origin !== null) return origin === new URL(request.url).origin ? null : new Refusal("origin_not_allowed");
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Refusal("origin_required", {
      message: "A request with a session cookie needs the dashboard's own Origin header, except for GET and HEAD.",
    });
  }
  return request.headers.get("Sec-Fetch-Site") === "same-origin" ? null : new Refusal("origin_not_allowed");
}

/** Whether a session was ended early, as far as this isolate knows, by session id. The oldest entry is evicted first. */
const verdicts = new Map<string, { isOver: boolean; untilMs: number }>();
const VERDICTS_MAX = 10_000;

/** A valid session is looked up again after `TUNINGS.sessionCacheMs`. An ended session stays ended. */
export async function hasEnded(session: Session, env: Env, nowMs: number): Promise<boolean | Refusal> {
  const known = verdicts.get(session.id);
  if (known !== undefined && nowMs < known.untilMs) return known.isOver;
  try {
    const isOver = await within(endedSessions(env, session).isEnded(session), LIMITS.callDeadlineMs);
    // Cached from the time of the question, not of the answer.
    rememberVerdict(session, isOver, nowMs);
    return isOver;
  } catch (fault) {
    log("error", "session not looked up", { fault });
    return new Refusal("unavailable", { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
}

function rememberVerdict({ id, expiresAtMs }: Session, isOver: boolean, nowMs: number): void {
  // A lookup that began before the session ended must not undo the end.
  if (!isOver && verdicts.get(id)?.isOver === true) return;
  verdicts.delete(id);
  if (verdicts.size >= VERDICTS_MAX) verdicts.delete(verdicts.keys().next().value as string);
  verdicts.set(id, { isOver, untilMs: isOver ? expiresAtMs : nowMs + TUNINGS.sessionCacheMs });
}
