// Serves the routes that count: realtime from the hot tier; trend, sessions, top, funnel and retention from the warm tier.
// docs/API_DOCUMENTATION.md#reading.

import { LIMITS } from "@behaviour/contract";
import type { Hono } from "hono";
import type { Sql } from "postgres";
import * as z from "zod/mini";
import { endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { integer, readJsonBody, readQuery, timeRange } from "../operation/parameters.ts";
import { ok } from "../operation/problem.ts";
import { FunnelQuestion, queryFunnel } from "./funnel.ts";
import type { RealtimeReader } from "./realtime.ts";
import { queryRetention, RetentionQuestion } from "./retention.ts";
import { auditedSelection } from "./selection.ts";
import { querySessions, SessionsParameters } from "./sessions.ts";
import { queryTop, TopParameters } from "./top.ts";
import { openEnd, queryTrend, TrendParameters } from "./trend.ts";

export interface AnalyticsParts {
  sql: Sql;
  readRealtime: RealtimeReader;
  record: RecordAction;
  nowMs: () => number;
}

const DEFAULT_MINUTES = 30;
const RealtimeParameters = z.object({ minutes: z._default(integer(1, LIMITS.realtimeMinutesMax), DEFAULT_MINUTES) });

export function mountAnalytics(app: Hono, { sql, readRealtime, record, nowMs }: AnalyticsParts): void {
  mount(app, "/v1/query/realtime", {
    GET: endpoint(record, {
      scope: "read",
      action: "query.realtime",
      read: (c) => readQuery(c, RealtimeParameters),
      answer: async ({ caller, input, audit }) => {
        await audit(input);
        return ok({ data: await readRealtime(caller.project, input.minutes, nowMs()) });
      },
    }),
  });
  mount(app, "/v1/query/trend", {
    GET: endpoint(record, {
      scope: "read",
      action: "query.trend",
      read: (c) => readQuery(c, TrendParameters),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs(), openEnd(input.interval, nowMs()));
        if (!range.ok) return range;
        await audit({ ...input, ...range.value });
        const points = await queryTrend(sql, caller.project, range.value, input, nowMs());
        return points.ok ? ok({ data: points.value }) : points;
      },
    }),
  });
  mount(app, "/v1/query/sessions", {
    GET: endpoint(record, {
      scope: "read",
      action: "query.sessions",
      read: (c) => readQuery(c, SessionsParameters),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs(), openEnd(input.interval, nowMs()));
        if (!range.ok) return range;
        await audit({ ...input, ...range.value });
        const points = await querySessions(sql, caller.project, range.value, input);
        return points.ok ? ok({ data: points.value }) : points;
      },
    }),
  });
  mount(app, "/v1/query/top", {
    GET: endpoint(record, {
      scope: "read",
      action: "query.top",
      read: (c) => readQuery(c, TopParameters),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs());
        if (!range.ok) return range;
        await audit({ ...input, ...range.value });
        return ok({ data: await queryTop(sql, caller.project, range.value, input) });
      },
    }),
  });
  mount(app, "/v1/query/funnel", {
    POST: endpoint(record, {
      scope: "read",
      action: "query.funnel",
      read: (c) => readJsonBody(c, FunnelQuestion),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs());
        if (!range.ok) return range;
        await audit({ ...input, ...range.value, steps: input.steps.map(auditedSelection) });
        return ok({ data: await queryFunnel(sql, caller.project, range.value, input) });
      },
    }),
  });
  mount(app, "/v1/query/retention", {
    POST: endpoint(record, {
      scope: "read",
      action: "query.retention",
      read: (c) => readJsonBody(c, RetentionQuestion),
      answer: async ({ caller, input, audit }) => {
        const { cohort, return: returned } = input;
        await audit({ ...input, cohort: auditedSelection(cohort), return: auditedSelection(returned) });
        const cohorts = await queryRetention(sql, caller.project, input, nowMs());
        return cohorts.ok ? ok({ data: cohorts.value }) : cohorts;
      },
    }),
  });
}
