// Defines the parts that every command of `npm run pipeline --` gets, and reads its options.

import { parseArgs } from "node:util";
import { jsonPointer } from "@behaviour/contract";
import type * as z from "zod/mini";
import { appendAudit } from "../audit/log.ts";
import type { Config } from "../config.ts";
import type { Database, Sql } from "../database/client.ts";
import type { EdgePush } from "../outbound/edge.ts";
import { IN_WORDS } from "./parameters.ts";
import type { Result } from "./problem.ts";

export interface CommandParts {
  config: Config;
  database: Database;
  sql: Sql;
  edge: EdgePush;
  nowMs: () => number;
}

export interface Command {
  usage: string;
  run(args: string[], parts: CommandParts): Promise<unknown>;
}

/** A mistake in the arguments of a command. It is printed with the command's usage. */
export class UsageError extends Error {}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>["options"]>;

export function parse<T extends Options>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

export function numberOf(value: string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

export function check<T extends z.ZodMiniType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value, IN_WORDS);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${jsonPointer(path)}: ${message}`);
  throw new UsageError(problems.join("; "));
}

export function only(positionals: string[], name: string): string {
  if (positionals.length !== 1 || positionals[0] === undefined) throw new UsageError(`give one <${name}>`);
  return positionals[0];
}

export function unwrap<T>(result: Result<T>, subject: string): T {
  if (result.ok) return result.value;
  throw new Error(`${subject}: ${result.problem.message ?? result.problem.code.replaceAll("_", " ")}`);
}

export function audit(
  { sql, nowMs }: CommandParts,
  project: string,
  action: string,
  target: Record<string, unknown>,
): Promise<void> {
  return appendAudit(sql, { atMs: nowMs(), project, actor: "cli", action, target, requestId: crypto.randomUUID() });
}
