// Serves `GET /v1/failed-events`: events that were accepted but cannot be stored, with the reason, and counts by code. Payloads
// were redacted when they were stored. docs/API_DOCUMENTATION.md#reading.

import { FAILURE_KINDS, FAILURES, type FailedEvent, type FailureCode, failureKind, LIMITS } from "@behaviour/contract";
import type { Hono } from "hono";
import * as z from "zod/mini";
import type { FailedEventStore } from "../failed/index.ts";
import { endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { integer, rangeShape, readQuery, timeRange } from "../operation/parameters.ts";
import { ok } from "../operation/problem.ts";
import type { ReplayClaims, ReplayState } from "../replay/claims.ts";
import type { TraceFailure } from "./trace.ts";

export type FailedEventReader = Pick<FailedEventStore, "list" | "survey">;

export interface FailedRouteParts {
  failedEvents: FailedEventReader;
  replays: Pick<ReplayClaims, "read">;
  record: RecordAction;
  nowMs: () => number;
}

const LIMIT_DEFAULT = 100;
/** Time limit for counting events beyond the listed events. */
const COUNTING_MS = 3_000;
const CODES = Object.keys(FAILURES) as [FailureCode, ...FailureCode[]];
const ListParameters = z.object({
  ...rangeShape,
  code: z.optional(z.enum(CODES)),
  kind: z.optional(z.enum(FAILURE_KINDS)),
  limit: z._default(integer(1, LIMITS.failedListMax), LIMIT_DEFAULT),
});

export function mountFailedEvents(app: Hono, { failedEvents, replays, record, nowMs }: FailedRouteParts): void {
  mount(app, "/v1/failed-events", {
    GET: endpoint(record, {
      scope: "read",
      action: "failed-events.list",
      read: (c) => readQuery(c, ListParameters),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs());
        if (!range.ok) return range;
        const { code, kind, limit } = input;
        const { project } = caller;
        await audit({ ...range.value, code, kind, limit });
        const endMs = performance.now() + COUNTING_MS;
        const question = { project, code, kind, limit, ...range.value };
        const { events, counts, complete } = await failedEvents.survey(question, () => performance.now() < endMs);
        const states = await replays.read(
          project,
          events.map(({ id }) => id),
        );
        // The counts that could be made in time. If there are more events, the counts are lower bounds.
        return ok({
          data: events.map((event) => toView(event, states.get(event.id))),
          counts,
          countsComplete: complete,
        });
      },
    }),
  });
}

function toView(event: FailedEvent, replay: ReplayState | undefined) {
  const { failedAtMs, receivedAtMs, project: _own, ...shown } = event;
  return {
    ...shown,
    kind: failureKind(event.code),
    limit: event.limit ?? null,
    actual: event.actual ?? null,
    planVersion: event.planVersion ?? null,
    failedAt: new Date(failedAtMs).toISOString(),
    receivedAt: receivedAtMs === null ? null : new Date(receivedAtMs).toISOString(),
    /** Null until it is replayed. `arrived`: nothing was put on the stream, because the message had arrived another way. */
    replay: replay === undefined ? null : { at: new Date(replay.atMs).toISOString(), outcome: replay.outcome },
  };
}

const HOUR_MS = 3_600_000;
/** Maximum number of a project's failed events that are searched for one message. */
const SEARCHED_MAX = 10_000;
/** How far back a message is searched if its time of receipt is not known any more. */
const SEARCHED_MS = 48 * HOUR_MS;

/** A message's failure that was not replayed since. @param receivedAtMs earliest time of receipt, if known */
export async function findFailure(
  { failedEvents, replays }: Pick<FailedRouteParts, "failedEvents" | "replays">,
  project: string,
  messageId: string,
  nowMs: number,
  receivedAtMs?: number,
): Promise<TraceFailure | null> {
  const fromMs = receivedAtMs ?? nowMs - SEARCHED_MS;
  const toMs = receivedAtMs === undefined ? nowMs + HOUR_MS : receivedAtMs + HOUR_MS;
  const listed = await failedEvents.list({ project, fromMs, toMs, limit: SEARCHED_MAX });
  const ofMessage = listed.filter((event) => event.messageId === messageId);
  if (ofMessage.length === 0) return null;
  const replayed = await replays.read(
    project,
    ofMessage.map(({ id }) => id),
  );
  return ofMessage.find(({ id }) => !replayed.has(id)) ?? null;
}
