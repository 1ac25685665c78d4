// Defines the problem that a call answers instead of data. Bad input stays a value: a parser returns a problem, and the route
// turns it into the contract's error body. Faults are thrown and become `unavailable` in one place (../api/app.ts).

import { ERRORS, type ErrorCode, errorBody } from "@behaviour/contract";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

export interface Problem {
  code: ErrorCode;
  /** JSON pointer to the parameter or the member of the body. */
  pointer?: string;
  message?: string;
}

export type Result<T> = { ok: true; value: T } | { ok: false; problem: Problem };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function refused<T>(code: ErrorCode, pointer?: string, message?: string): Result<T> {
  const problem: Problem = { code };
  if (pointer !== undefined) problem.pointer = pointer;
  if (message !== undefined) problem.message = message;
  return { ok: false, problem };
}

/** After a fault of ours the caller may retry in a second or two. */
const RETRY_AFTER_S = "2";

/** The contract's error body, with `Retry-After` if a retry can help. */
export function answerProblem(c: Context, problem: Problem, requestId: string): Response {
  const { status, retryable } = ERRORS[problem.code];
  if (retryable) c.header("Retry-After", RETRY_AFTER_S);
  return c.json(errorBody(problem.code, requestId, problem.pointer, problem.message), status as ContentfulStatusCode);
}
