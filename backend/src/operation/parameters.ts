// Reads and validates the parameters of a call: texts of the query string, members of the body, and the time range that the query
// API uses. An empty parameter counts as absent. A parameter out of bounds is `invalid_parameter`.

import { jsonPointer, LIMITS, parseTime } from "@behaviour/contract";
import type { Context } from "hono";
import * as z from "zod/mini";
import { ok, type Result, refused } from "./problem.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;
/** A query is small. The edge refuses a larger body. */
const BODY_MAX_BYTES = LIMITS.forwardedBodyBytes;

/** Postgres accepts neither NUL nor half a surrogate pair, so no stored text contains them. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

export function text(maxLength: number) {
  return z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(maxLength),
      z.refine(isStorableText, "contains a NUL character or an unpaired surrogate"),
    );
}

/** A whole number written in digits, within bounds. */
export function integer(least: number, most: number) {
  return z.pipe(
    z.string().check(z.regex(/^\d{1,15}$/, "not a whole number")),
    z.pipe(z.transform(Number), z.int().check(z.gte(least), z.lte(most))),
  );
}

/** Epoch milliseconds, from RFC 3339 or from epoch milliseconds, as text or as a number. */
export const time = z.pipe(
  z.union([z.string(), z.number()]),
  z.transform((value, context) => {
    const ms = parseTime(typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value);
    if (ms === null) context.issues.push({ code: "custom", message: "not a time", input: value });
    return ms ?? z.NEVER;
  }),
);

export const rangeShape = { from: z.optional(time), to: z.optional(time) };

/** Half open, epoch milliseconds. */
export interface TimeRange {
  fromMs: number;
  toMs: number;
}

/**
 * Default: the last 24 hours.
 * @param openEndMs the default end. Clients' clocks may be ahead by up to a day, and an event that was just sent must appear.
 */
export function timeRange(
  given: { from?: number | undefined; to?: number | undefined },
  nowMs: number,
  openEndMs: number = nowMs + LIMITS.futureToleratedMs,
): Result<TimeRange> {
  const toMs = given.to ?? Math.max(openEndMs, nowMs);
  const fromMs = given.from ?? (given.to ?? nowMs) - DAY_MS;
  if (fromMs > toMs) return refused("invalid_parameter", "/from", "`from` must not be later than `to`.");
  return ok({ fromMs: Math.max(fromMs, 0), toMs });
}

/** Reads the query string by a schema. Unknown parameters are ignored. */
export function readQuery<T extends z.ZodMiniType>(c: Context, schema: T): Result<z.infer<T>> {
  const present: Record<string, string> = {};
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (value === "") continue;
    if (Object.hasOwn(present, name))
      return refused("invalid_parameter", jsonPointer([name]), "The parameter appears more than once.");
    present[name] = value;
  }
  return readValue(present, schema);
}

/** Bounds of a body that is more than a query. */
export interface InputBounds {
  maxBytes?: number;
  /** Steps from the top to the innermost value. */
  maxDepth?: number;
}

/** Reads a JSON object from the body by a schema. */
export async function readJsonBody<T extends z.ZodMiniType>(
  c: Context,
  schema: T,
  { maxBytes = BODY_MAX_BYTES, maxDepth = LIMITS.depth }: InputBounds = {},
): Promise<Result<z.infer<T>>> {
  const tooLarge = `The body is larger than ${maxBytes / 1_024} KiB.`;
  const declared = Number(c.req.header("content-length") ?? 0);
  if (declared > maxBytes) return refused("payload_too_large", undefined, tooLarge);
  const bytes = await c.req.arrayBuffer();
  if (bytes.byteLength > maxBytes) return refused("payload_too_large", undefined, tooLarge);
  if (bytes.byteLength === 0) return refused("empty_body");
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    // The decoder throws a TypeError for bytes that are not UTF-8. The parser throws a SyntaxError.
    return refused(error instanceof SyntaxError ? "invalid_json" : "invalid_encoding");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return refused("invalid_payload", undefined, "The body must be a JSON object.");
  }
  const unstorable = findUnstorable(body, maxDepth);
  if (unstorable !== null)
    return refused(
      "invalid_parameter",
      unstorable,
      `${unstorable} is nested too deeply, or contains a NUL character or an unpaired surrogate.`,
    );
  return readValue(body, schema);
}

/** Pointer to a text that no store accepts, or to a value nested too deeply for later recursive code; else null. */
function findUnstorable(body: object, maxDepth: number): string | null {
  const open: { value: unknown; path: string[] }[] = [{ value: body, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path } = next;
    if (path.length > maxDepth || (typeof value === "string" && !isStorableText(value))) return jsonPointer(path);
    if (typeof value !== "object" || value === null) continue;
    for (const [name, member] of Object.entries(value)) {
      if (!isStorableText(name)) return jsonPointer(path);
      open.push({ value: member, path: [...path, name] });
    }
  }
  return null;
}

/** Makes a message say what was expected. Without a language the schemas only say that the input is invalid. */
export const IN_WORDS = { error: z.locales.en().localeError };

function readValue<T extends z.ZodMiniType>(value: unknown, schema: T): Result<z.infer<T>> {
  const parsed = schema.safeParse(value, IN_WORDS);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  // An unknown key has no path of its own, so its name is appended to the object's path.
  const unknown = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const pointer = jsonPointer([...(issue?.path ?? []), ...unknown]);
  return refused("invalid_parameter", pointer, `${pointer}: ${issue?.message ?? "not valid"}.`);
}
