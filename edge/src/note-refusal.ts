// Records a request that was refused as a whole: counts it for I8's metric, and notifies the project's watchers after the answer.
// An accepted request does neither.

import { ERRORS } from "@behaviour/contract";
import type { Refusal } from "./answer/refusal.ts";
import { countRefused } from "./answer/refusal-metric.ts";
import type { Env } from "./env.ts";
import { publishRefused } from "./live/publish-refusal.ts";
import { masked } from "./pii/masked.ts";

/** @param path without query; personal data in it is masked. */
export function noteRefused(refusal: Refusal, path: string, request: Request, env: Env, requestId: string): void {
  const nowMs = Date.now();
  countRefused(refusal.code, nowMs);
  const { project, code, pointer, message } = refusal;
  if (project === null) return;
  const told = { type: "refused", at: new Date(nowMs).toISOString(), path: masked(path), requestId, code } as const;
  const why = { message: message ?? ERRORS[code].message, ...(pointer === undefined ? {} : { pointer }) };
  publishRefused(project, { ...told, ...why }, request, env);
}
