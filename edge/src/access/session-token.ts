// Reads and writes a session's cookie and the token in it. The token names the key by its hash and the session by a random id.
// It is signed, so only the end of a session is stored anywhere (ended-sessions.ts). docs/API_DOCUMENTATION.md#keys.

import { Buffer } from "node:buffer";
import { LIMITS } from "@behaviour/contract";
import type { Env } from "../env.ts";

export interface Session {
  /** 128 random bits, base64url. */
  id: string;
  /** Hex SHA-256 of the key that the session stands for. */
  keyHash: string;
  /** Epoch milliseconds. The session began `LIMITS.sessionMs` before. */
  expiresAtMs: number;
}

const PAYLOAD = /^([0-9a-f]{64})\.([1-9]\d{12,14})\.([\w-]{22})$/;
const SECRET_LENGTH = 32;
const encoder = new TextEncoder();

export function newSession(keyHash: string, nowMs: number): Session {
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
  return { id, keyHash, expiresAtMs: nowMs + LIMITS.sessionMs };
}

export async function sealSession({ keyHash, expiresAtMs, id }: Session, env: Env): Promise<string> {
  const payload = `${keyHash}.${expiresAtMs}.${id}`;
  const signature = await crypto.subtle.sign("HMAC", await signingKey(env), encoder.encode(payload));
  return `${payload}.${Buffer.from(signature).toString("base64url")}`;
}

/** @returns null if the token has expired, or was not issued by us. */
export async function readSession(token: string, env: Env, nowMs: number): Promise<Session | null> {
  const dot = token.lastIndexOf(".");
  const payload = token.slice(0, Math.max(dot, 0));
  const match = PAYLOAD.exec(payload);
  if (match === null) return null;
  const signature = Buffer.from(token.slice(dot + 1), "base64url");
  // `verify` compares in constant time.
  if (!(await crypto.subtle.verify("HMAC", await signingKey(env), signature, encoder.encode(payload)))) return null;
  const [, keyHash, expires, id] = match as unknown as [string, string, string, string];
  const expiresAtMs = Number(expires);
  return expiresAtMs > nowMs ? { id, keyHash, expiresAtMs } : null;
}

async function signingKey(env: Env): Promise<CryptoKey> {
  const secret = env.SESSION_SECRET ?? "";
  if (secret.length < SECRET_LENGTH) throw new Error("SESSION_SECRET must be set, to at least 32 characters");
  return crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
}

/**
 * With the prefix `__Host-` a browser accepts the cookie only from this exact host, over TLS. A sibling host under our domain
 * can't plant a cookie and so sign a person into another project. Plain http, on a developer's machine, allows no prefix.
 */
function cookieName(isSecure: boolean): string {
  return isSecure ? "__Host-session" : "session";
}

function isSecure(request: Request): boolean {
  return new URL(request.url).protocol === "https:";
}

export function setCookie(request: Request, token: string, maxAgeSeconds: number): string {
  const secure = isSecure(request);
  const attributes = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}${secure ? "; Secure" : ""}`;
  return `${cookieName(secure)}=${token}; ${attributes}`;
}

/** @returns the token in the request's cookie, null if it has no session cookie. */
export function readCookie(request: Request): string | null {
  const header = request.headers.get("Cookie");
  if (header === null) return null;
  const name = cookieName(isSecure(request));
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim() || null;
  }
  return null;
}
