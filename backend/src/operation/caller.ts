// Who asks. The Worker is the only public door: it has checked the key, its scope and its origin, and says so in headers that
// only a SigV4-signed call can bring here. The project is never taken from anything the client wrote.

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

/** @returns `missing_api_key` when the door's headers are not there: nobody may read without a project. */
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
