// `GET /v1/failed-events`: what was accepted and can't be stored, with the reason. Payloads were redacted when they were
// stored. API.md §5.

import { FAILURES, type FailedEvent, type FailureCode } from "@behaviour/contract";
import type { Hono } from "hono";
import * as z from "zod/mini";
import type { FailedEventStore } from "../failed/index.ts";
import { integer, rangeShape, readQuery, timeRange } from "./parameters.ts";
import { ok } from "./problem.ts";
import { endpoint, mount, type RecordAction } from "./routing.ts";
import type { Failure } from "./trace.ts";

export type FailedEventReader = Pick<FailedEventStore, "list">;

export interface FailedRouteParts {
  failedEvents: FailedEventReader;
  record: RecordAction;
  nowMs: () => number;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const CODES = Object.keys(FAILURES) as [FailureCode, ...FailureCode[]];
const ListParameters = z.object({
  ...rangeShape,
  code: z.optional(z.enum(CODES)),
  limit: z._default(integer(1, LIMIT_MAX), LIMIT_DEFAULT),
});

export function mountFailedEvents(app: Hono, { failedEvents, record, nowMs }: FailedRouteParts): void {
  mount(app, "/v1/failed-events", {
    GET: endpoint(record, {
      scope: "read",
      action: "failed-events.list",
      read: (c) => readQuery(c, ListParameters),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs());
        if (!range.ok) return range;
        const { code, limit } = input;
        await audit({ ...range.value, code, limit });
        const listed = await failedEvents.list({ project: caller.project, code, limit, ...range.value });
        return ok({ data: listed.map(toView) });
      },
    }),
  });
}

function toView(event: FailedEvent) {
  const { id, messageId, code, message, pointer, stage, failedAtMs, receivedAtMs, payload, payloadCut } = event;
  const receivedAt = receivedAtMs === null ? null : new Date(receivedAtMs).toISOString();
  const failedAt = new Date(failedAtMs).toISOString();
  return { id, messageId, code, message, pointer, stage, failedAt, receivedAt, payload, payloadCut };
}

const HOUR_MS = 3_600_000;
/** Of one project within the span that is searched for one message. */
const SEARCHED_MAX = 10_000;
/** How far back a message is searched whose time of receipt nobody knows any more. */
const SEARCHED_MS = 48 * HOUR_MS;

/** The failure of one message. @param receivedAtMs when it was received at the earliest, if known */
export async function findFailure(
  failedEvents: FailedEventReader,
  project: string,
  messageId: string,
  nowMs: number,
  receivedAtMs?: number,
): Promise<Failure | null> {
  const fromMs = receivedAtMs ?? nowMs - SEARCHED_MS;
  const toMs = receivedAtMs === undefined ? nowMs + HOUR_MS : receivedAtMs + HOUR_MS;
  const listed = await failedEvents.list({ project, fromMs, toMs, limit: SEARCHED_MAX });
  return listed.find((event) => event.messageId === messageId) ?? null;
}
