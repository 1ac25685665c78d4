// Declares a route: the scope it needs, how its input is read, and what it answers. All routes have the same order: scope, input,
// audit record, data. The audit comes before the read and fails closed (E12).

import { ERRORS, type Scope } from "@behaviour/contract";
import type { Context, Hono } from "hono";
import { type Caller, callerOf, requestIdOf } from "./caller.ts";
import { answerProblem, type Problem, type Result } from "./problem.ts";

type Json = Record<string, unknown> | unknown[];

/** The audit record of a read: its name, and its parameters without ids of persons. */
export interface AuditedAction {
  action: string;
  parameters: Record<string, unknown>;
}

/** Resolves only once the record is durable. Otherwise the data stays unread. */
export type RecordAction = (caller: Caller, action: AuditedAction) => Promise<void>;

export interface Asked<Input> {
  caller: Caller;
  input: Input;
  /** Must be awaited before the first read of personal data. */
  audit(parameters?: Record<string, unknown>): Promise<void>;
  c: Context;
}

export interface Endpoint<Input> {
  scope: Scope;
  /** The name in the audit log, such as `query.trend`. */
  action: string;
  read(c: Context, caller: Caller): Result<Input> | Promise<Result<Input>>;
  answer(asked: Asked<Input>): Promise<Result<Json> | Response>;
  /** Default: 200. */
  status?: 200 | 201;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
/** The type of an endpoint's input is checked where the endpoint is declared. */
export type Endpoints = Partial<Record<Method, (c: Context) => Promise<Response>>>;

/** Mounts the methods of one path. Other methods are answered 405 with `Allow`. */
export function mount(app: Hono, path: string, endpoints: Endpoints): void {
  const allowed = Object.keys(endpoints);
  for (const [method, answer] of Object.entries(endpoints)) app.on(method, path, answer);
  const allow = (allowed.includes("GET") ? [...allowed, "HEAD"] : allowed).join(", ");
  app.all(path, (c) => {
    c.header("Allow", allow);
    return answerProblem(c, { code: "method_not_allowed" }, requestIdOf(c));
  });
}

/** Binds an endpoint to the audit log. */
export function endpoint<Input>(record: RecordAction, declared: Endpoint<Input>): (c: Context) => Promise<Response> {
  return async (c) => {
    const caller = callerOf(c);
    if (!caller.ok) return answerProblem(c, caller.problem, requestIdOf(c));
    const { requestId, scopes } = caller.value;
    const refuse = (problem: Problem) => answerProblem(c, problem, requestId);
    if (!scopes.has(declared.scope)) {
      return refuse({
        code: "insufficient_scope",
        message: `${ERRORS.insufficient_scope.message} It needs \`${declared.scope}\`.`,
      });
    }
    const input = await declared.read(c, caller.value);
    if (!input.ok) return refuse(input.problem);
    const answered = await declared.answer({
      caller: caller.value,
      input: input.value,
      c,
      audit: (parameters = {}) => record(caller.value, { action: declared.action, parameters }),
    });
    if (answered instanceof Response) return answered;
    if (!answered.ok) return refuse(answered.problem);
    return c.json(answered.value, declared.status ?? 200);
  };
}
