// Finds the key of a request, and checks whether the key may be used from there. docs/API_DOCUMENTATION.md#keys.
// A key in a header is checked before anything else is read. A key in the body is checked once the body is parsed.

import type { Scope } from "@behaviour/contract";
import { Refusal } from "../answer/refusal.ts";
import type { Env } from "../env.ts";
import { addressAllowed } from "./address.ts";
import type { CompiledKey } from "./compiled-key.ts";
import { findKey } from "./keyring.ts";
import { originAllowed } from "./origin.ts";

/** @returns the only key in the headers; null if they contain no key. */
export function keyInHeaders(headers: Headers): string | null | Refusal {
  const authorization = headers.get("Authorization");
  const fromAuthorization = authorization === null ? null : keyInAuthorization(authorization.trim());
  if (fromAuthorization instanceof Refusal) return fromAuthorization;
  const fromApiKey = nonEmpty(headers.get("X-API-Key"));
  if (fromAuthorization !== null && fromApiKey !== null && fromAuthorization !== fromApiKey) {
    return new Refusal("conflicting_credentials");
  }
  return fromAuthorization ?? fromApiKey;
}

function keyInAuthorization(value: string): string | null | Refusal {
  if (value === "") return null;
  const space = value.indexOf(" ");
  const scheme = (space < 0 ? value : value.slice(0, space)).toLowerCase();
  const credentials = space < 0 ? "" : value.slice(space + 1).trim();
  if (scheme === "bearer") return nonEmpty(credentials);
  if (scheme === "basic") return basicUser(credentials);
  return new Refusal("invalid_api_key");
}

/** The key is the user name. The official libraries leave the password empty, and some omit the colon. */
function basicUser(credentials: string): string | null | Refusal {
  let decoded: string;
  try {
    decoded = atob(credentials);
  } catch {
    return new Refusal("invalid_api_key");
  }
  const colon = decoded.indexOf(":");
  return nonEmpty(colon < 0 ? decoded : decoded.slice(0, colon));
}

/** @returns the body's top-level `writeKey`; null if it is absent. A `writeKey` that is not a string is an invalid key. */
export function keyInBody(body: Record<string, unknown>): string | null | Refusal {
  const { writeKey } = body;
  if (writeKey === undefined || writeKey === null) return null;
  return typeof writeKey === "string" ? nonEmpty(writeKey.trim()) : new Refusal("invalid_api_key");
}

function nonEmpty(text: string | null): string | null {
  const trimmed = text?.trim() ?? "";
  return trimmed === "" ? null : trimmed;
}

/** @returns the key's record if the key, the origin, the address and the scope pass their checks. */
export async function authenticate(
  key: string,
  request: Request,
  scope: Scope,
  env: Env,
  nowMs: number,
): Promise<CompiledKey | Refusal> {
  const record = await findKey(key, env, nowMs, scope);
  if (record instanceof Refusal) return record;
  return authorize(record, request, scope)?.of(record.project) ?? record;
}

/** Checks where a valid key may be used, and for what. It runs for every event, so it reads only headers that the key needs. */
export function authorize(key: CompiledKey, { headers, url }: Request, scope: Scope): Refusal | null {
  if (key.kind === "secret") {
    const origin = headers.get("Origin");
    if (origin !== null && origin !== new URL(url).origin) return new Refusal("secret_key_in_browser");
  } else if (key.allowedOrigins !== null) {
    const verdict = originAllowed(key.allowedOrigins, headers.get("Origin") ?? headers.get("Referer"));
    if (verdict !== null) return new Refusal(verdict);
  }
  if (key.networks !== null && !addressAllowed(key.networks, headers.get("CF-Connecting-IP"))) {
    return new Refusal("ip_not_allowed");
  }
  return key.scopes.includes(scope) ? null : new Refusal("insufficient_scope");
}
