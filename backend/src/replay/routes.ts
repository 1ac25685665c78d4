// Serves `POST /v1/failed-events/replay` (docs/API_DOCUMENTATION.md#reading). A large replay is answered in parts: while
// `nextCursor` is not null, the client sends the same body again with the cursor.

import { FAILURE_KINDS, FAILURES, type FailureCode, LIMITS } from "@behaviour/contract";
import type { Hono } from "hono";
import * as z from "zod/mini";
import { endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { rangeShape, readJsonBody, text, timeRange } from "../operation/parameters.ts";
import { ok, refused } from "../operation/problem.ts";
import type { ReplayCursor, Replayer } from "./replayer.ts";

export interface ReplayRouteParts {
  replayer: Pick<Replayer, "run">;
  record: RecordAction;
  nowMs: () => number;
}

/** Part of a request's time in which new work is begun. The rest is for work in progress. */
const BUDGET_MS = LIMITS.callDeadlineMs / 2;
/** Events named by id are searched as far back as failed events are kept. */
const SEARCHED_MS = 31 * 86_400_000;
const ID_MAX_LENGTH = 512;
const CURSOR_MAX_LENGTH = 2_048;
const CODES = Object.keys(FAILURES) as [FailureCode, ...FailureCode[]];

const ReplayBody = z.strictObject({
  ...rangeShape,
  code: z.nullish(z.enum(CODES)),
  kind: z.nullish(z.enum(FAILURE_KINDS)),
  ids: z.nullish(z.array(text(ID_MAX_LENGTH)).check(z.minLength(1), z.maxLength(LIMITS.replayIdsMax))),
  cursor: z.nullish(text(CURSOR_MAX_LENGTH)),
});

const Cursor = z.object({ key: z.string(), beforeMs: z.number(), fromMs: z.number(), toMs: z.number() });
type Cursor = z.infer<typeof Cursor>;

export function mountReplay(app: Hono, { replayer, record, nowMs }: ReplayRouteParts): void {
  mount(app, "/v1/failed-events/replay", {
    POST: endpoint(record, {
      scope: "read",
      action: "failed-events.replay",
      read: async (c) => {
        const read = await readJsonBody(c, ReplayBody);
        // An empty body means all failed events of the last 24 hours.
        return !read.ok && read.problem.code === "empty_body" ? ok(ReplayBody.parse({})) : read;
      },
      answer: async ({ caller, input, audit }) => {
        const { code, kind, ids } = input;
        const cursor = openCursor(input.cursor ?? null);
        if (cursor === "unusable")
          return refused("invalid_parameter", "/cursor", "/cursor: not one that was given out.");
        const from = input.from ?? (ids === null || ids === undefined ? undefined : nowMs() - SEARCHED_MS);
        const range = cursor === null ? timeRange({ from, to: input.to }, nowMs()) : ok(cursor);
        if (!range.ok) return range;
        const { fromMs, toMs } = range.value;
        const request = {
          project: caller.project,
          code: code ?? undefined,
          kind: kind ?? undefined,
          ids: ids ?? undefined,
          fromMs,
          toMs,
        };
        await audit({ fromMs, toMs, code, kind, ids: ids?.length, continued: cursor !== null });
        const endMs = performance.now() + BUDGET_MS;
        const { counts, next } = await replayer.run(request, cursor, () => performance.now() < endMs);
        const nextCursor = next === null ? null : sealCursor({ ...next, fromMs, toMs });
        return ok({ data: { ...counts }, nextCursor });
      },
    }),
  });
}

/** Not signed: the cursor is a position in the caller's own failed events, which the caller may choose anyway. */
function sealCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString("base64url");
}

function openCursor(given: string | null): (ReplayCursor & Cursor) | null | "unusable" {
  if (given === null) return null;
  try {
    const parsed = Cursor.safeParse(JSON.parse(Buffer.from(given, "base64url").toString()));
    return parsed.success ? parsed.data : "unusable";
  } catch {
    return "unusable";
  }
}
