// Identifies the caller of a request. The Worker is the only public entry point: it has checked the key, its scope and its
// origin, and reports them in headers that only a SigV4-signed call can set. The project is never taken from the client's input.

import { SCOPES, type Scope } from "@behaviour/contract";
import type { Context } from "hono";
import { ok, type Result, refused } from "./problem.ts";

export interface Caller {
  project: string;
  keyId: string;
  scopes: ReadonlySet<Scope>;
  requestId: string;
}

const PRINTABLE = /^[\x21-\x7e]{1,128}$/;

/** @returns `missing_api_key` if the Worker's headers are missing: no caller may read without a project. */
export function callerOf(c: Context): Result<Caller> {
  const project = c.req.header("x-project") ?? "";
  const keyId = c.req.header("x-key-id") ?? "";
  if (!PRINTABLE.test(project) || !PRINTABLE.test(keyId)) return refused("missing_api_key");
  const granted = (c.req.header("x-scopes") ?? "").split(" ");
  const scopes = new Set(SCOPES.filter((scope) => granted.includes(scope)));
  return ok({ project, keyId, scopes, requestId: requestIdOf(c) });
}

export function requestIdOf(c: Context): string {
  const given = c.req.header("x-request-id") ?? "";
  return PRINTABLE.test(given) ? given : crypto.randomUUID();
}
