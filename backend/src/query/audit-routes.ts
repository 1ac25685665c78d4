// Serves the audit log of the caller's project over HTTP. docs/API_DOCUMENTATION.md#not-yet. Reading the log is itself a read,
// and is recorded first.

import type { Hono } from "hono";
import type { Sql } from "postgres";
import * as z from "zod/mini";
import { listAudit, type StoredAuditRecord, verifyAudit } from "../audit/log.ts";
import { endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { integer, rangeShape, readQuery, timeRange } from "../operation/parameters.ts";
import { ok } from "../operation/problem.ts";

export interface AuditRouteParts {
  sql: Sql;
  record: RecordAction;
  nowMs: () => number;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const ListParameters = z.object({ ...rangeShape, limit: z._default(integer(1, LIMIT_MAX), LIMIT_DEFAULT) });

export function mountAudit(app: Hono, { sql, record, nowMs }: AuditRouteParts): void {
  mount(app, "/v1/audit", {
    GET: endpoint(record, {
      scope: "privacy",
      action: "audit.list",
      read: (c) => readQuery(c, ListParameters),
      answer: async ({ caller, input, audit }) => {
        const range = timeRange(input, nowMs());
        if (!range.ok) return range;
        await audit({ ...range.value, limit: input.limit });
        const records = await listAudit(sql, caller.project, range.value, input.limit);
        return ok({ data: records.map(toView) });
      },
    }),
  });
  // The edge serves the tail itself. It calls this route first, so that watching is recorded like reading.
  mount(app, "/v1/live", {
    GET: endpoint(record, {
      scope: "read",
      action: "live.watch",
      read: () => ok(null),
      answer: async ({ audit }) => {
        await audit();
        return ok({ data: {} });
      },
    }),
  });
  mount(app, "/v1/audit/verify", {
    GET: endpoint(record, {
      scope: "privacy",
      action: "audit.verify",
      read: () => ok(null),
      answer: async ({ caller, audit }) => {
        await audit();
        return ok({ data: await verifyAudit(sql, caller.project) });
      },
    }),
  });
}

function toView({ atMs, ...record }: StoredAuditRecord) {
  return { ...record, at: new Date(atMs).toISOString() };
}
