// The dashboard's session: a secret key in, an HttpOnly cookie out, so that no key stands in a page. API.md §2.
// The cookie is signed, not stored: it names the key by its hash, so a revoked key ends its sessions too.

import { Buffer } from "node:buffer";
import { hashKey, LIMITS, type Scope } from "@behaviour/contract";
import { authorize, keyInHeaders } from "../collect/authenticate.ts";
import type { CompiledKey } from "../compiled-key.ts";
import type { Env } from "../env.ts";
import { findKey, findKeyByHash } from "../keyring.ts";
import { Refusal } from "../refusal.ts";
import { json } from "../respond.ts";

const COOKIE = "session";
const encoder = new TextEncoder();

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
  const expiresAtMs = nowMs + LIMITS.sessionMs;
  const payload = `${hashKey(key)}.${expiresAtMs}`;
  const token = `${payload}.${await sign(payload, env)}`;
  const body = { success: true, data: { project: record.project, expiresAt: new Date(expiresAtMs).toISOString() } };
  return json(200, body, requestId, {
    "Set-Cookie": cookie(request, token, LIMITS.sessionMs / 1_000),
    "Cache-Control": "no-store",
  });
}

/** `DELETE /v1/session`: signs out; also without a session. */
export function closeSession(request: Request, requestId: string): Response {
  return json(200, { success: true }, requestId, { "Set-Cookie": cookie(request, "", 0), "Cache-Control": "no-store" });
}

function cookie(request: Request, value: string, maxAgeSeconds: number): string {
  const secure = new URL(request.url).protocol === "https:" ? "; Secure" : "";
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure}`;
}

/** Who reads: a secret key in a header, else the dashboard's cookie from our own pages. */
export async function authenticateReader(request: Request, scope: Scope, env: Env): Promise<CompiledKey | Refusal> {
  const reader = await identifyReader(request, scope, env);
  return reader instanceof Refusal ? reader : reader.record;
}

export interface Reader {
  record: CompiledKey;
  /** Hex SHA-256. */
  keyHash: string;
  /** Epoch milliseconds: the end of the session; null for a key. */
  expiresAtMs: number | null;
}

/** The same, with what is needed to ask again later. */
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
  return record instanceof Refusal ? record : { record, keyHash: hashKey(key), expiresAtMs: null };
}

async function readerOfSession(request: Request, env: Env, nowMs: number): Promise<Reader | Refusal> {
  const token = readCookie(request.headers.get("Cookie"));
  if (token === null) return new Refusal("missing_api_key");
  if (!isOwnPage(request)) return new Refusal("origin_not_allowed");
  const [hash, expires, signature, more] = token.split(".");
  if (hash === undefined || expires === undefined || signature === undefined || more !== undefined) {
    return new Refusal("invalid_api_key");
  }
  if (!(await verify(`${hash}.${expires}`, signature, env))) return new Refusal("invalid_api_key");
  if (Number(expires) <= nowMs) return new Refusal("invalid_api_key");
  const record = await findKeyByHash(hash, env, nowMs);
  return record instanceof Refusal ? record : { record, keyHash: hash, expiresAtMs: Number(expires) };
}

/** SameSite=Strict keeps other sites out; this keeps out what shares our site but not our origin. */
function isOwnPage(request: Request): boolean {
  const origin = request.headers.get("Origin");
  if (origin !== null) return origin === new URL(request.url).origin;
  return request.headers.get("Sec-Fetch-Site") === "same-origin";
}

function readCookie(header: string | null): string | null {
  for (const pair of header?.split(";") ?? []) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === COOKIE && value !== undefined && value !== "") return value;
  }
  return null;
}

async function signingKey(env: Env): Promise<CryptoKey> {
  const secret = env.SESSION_SECRET ?? "";
  if (secret.length < 32) throw new Error("SESSION_SECRET must be set, to at least 32 characters");
  return crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
}

async function sign(payload: string, env: Env): Promise<string> {
  const signature = await crypto.subtle.sign("HMAC", await signingKey(env), encoder.encode(payload));
  return Buffer.from(signature).toString("base64url");
}

/** In constant time. */
async function verify(payload: string, signature: string, env: Env): Promise<boolean> {
  const bytes = Buffer.from(signature, "base64url");
  return crypto.subtle.verify("HMAC", await signingKey(env), bytes, encoder.encode(payload));
}
