// Answers `GET /v1/admin/reconciliation` with a project's minutes, hop by hop.

import type { Hono } from "hono";
import * as z from "zod/mini";
import type { Sql } from "../database/client.ts";
import { endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { integer, rangeShape, readQuery, timeRange } from "../operation/parameters.ts";
import { ok } from "../operation/problem.ts";
import { reconciledMinutes } from "./report.ts";

export interface ReconcileRouteParts {
  sql: Sql;
  record: RecordAction;
  nowMs: () => number;
}

const LIMIT_DEFAULT = 60;
const LIMIT_MAX = 10_080;
const Parameters = z.object({ ...rangeShape, limit: z._default(integer(1, LIMIT_MAX), LIMIT_DEFAULT) });

export function mountReconciliation(app: Hono, { sql, record, nowMs }: ReconcileRouteParts): void {
  mount(app, "/v1/admin/reconciliation", {
    GET: endpoint(record, {
      scope: "admin",
      action: "reconciliation.get",
      read: (c) => readQuery(c, Parameters),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs());
        if (!range.ok) return range;
        await audit({ ...range.value, limit: input.limit });
        return ok({ data: await reconciledMinutes(sql, caller.project, range.value, input.limit, nowMs()) });
      },
    }),
  });
}
