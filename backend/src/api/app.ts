// Serves the query API behind the Worker: all reading calls, administration, and the Worker's look-up of keys. Thin: it binds
// routes to the parts they need, bounds every request in time, and answers a fault with `unavailable`. The details are only in
// the log.

import { LIMITS } from "@behaviour/contract";
import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import { type AlertRouteParts, mountAlerts } from "../alerting/routes.ts";
import { appendAudit } from "../audit/log.ts";
import { requestIdOf } from "../operation/caller.ts";
import type { RecordAction } from "../operation/endpoint.ts";
import { answerProblem } from "../operation/problem.ts";
import { type AdminParts, mountAdmin, mountKeyLookup } from "../projects/routes.ts";
import { mountAnalytics } from "../query/analytics-routes.ts";
import { mountAudit } from "../query/audit-routes.ts";
import { type EventRouteParts, mountEvents } from "../query/event-routes.ts";
import { mountExport } from "../query/export.ts";
import {
  type FailedEventReader,
  type FailedRouteParts,
  findFailure,
  mountFailedEvents,
} from "../query/failed-routes.ts";
import type { RealtimeReader } from "../query/realtime.ts";
import type { Whereabouts } from "../query/trace.ts";
import { mountReconciliation } from "../reconcile/routes.ts";
import { mountRedrive, type RedriveRouteParts } from "../redrive/routes.ts";
import { mountReplay, type ReplayRouteParts } from "../replay/routes.ts";
import { mountPlans, type PlanRouteParts } from "../tracking-plan/routes.ts";

/** Receives a fault's details, which never reach the client. */
export type ReportFault = (fault: unknown, request: { method: string; route: string; requestId: string }) => void;

export interface QueryParts
  extends Omit<AdminParts, "record">,
    Omit<AlertRouteParts, "record">,
    Omit<RedriveRouteParts, "record">,
    Omit<EventRouteParts, "record" | "whereabouts"> {
  /** In the order of an event's path. */
  tiers: Whereabouts["tiers"];
  failedEvents: FailedEventReader;
  replays: FailedRouteParts["replays"];
  replayer: ReplayRouteParts["replayer"];
  plans: PlanRouteParts["plans"];
  readRealtime: RealtimeReader;
  report: ReportFault;
}

export function queryApp(parts: QueryParts): Hono {
  const { sql, nowMs, report } = parts;
  const app = new Hono({ strict: false });
  const record: RecordAction = ({ project, keyId, requestId }, { action, parameters }) =>
    appendAudit(sql, { atMs: nowMs(), project, actor: keyId, action, target: parameters, requestId });

  const fail = (fault: unknown, c: Context): Response => {
    const requestId = requestIdOf(c);
    // The declared path, because an actual path can contain the id of a message or a person.
    report(fault, { method: c.req.method, route: routePath(c), requestId });
    return answerProblem(c, { code: "unavailable" }, requestId);
  };
  app.onError(fail);
  app.notFound((c) => answerProblem(c, { code: "not_found" }, requestIdOf(c)));
  app.use(async (c, next) => {
    c.header("Cache-Control", "no-store");
    const answered = await withinDeadline(next());
    if (!answered) c.res = fail(new Error("the request exceeded its deadline"), c);
  });

  mountHealth(app);
  mountAnalytics(app, { ...parts, record });
  const whereabouts: Whereabouts = {
    tiers: parts.tiers,
    findFailure: (project, messageId, receivedAtMs) => findFailure(parts, project, messageId, nowMs(), receivedAtMs),
  };
  mountEvents(app, { ...parts, record, whereabouts });
  mountExport(app, { sql, record, nowMs });
  mountFailedEvents(app, { ...parts, record });
  mountReplay(app, { ...parts, record });
  mountAudit(app, { sql, record, nowMs });
  mountAdmin(app, { ...parts, record });
  mountPlans(app, { ...parts, record });
  mountAlerts(app, { ...parts, record });
  mountRedrive(app, { ...parts, record });
  mountReconciliation(app, { sql, record, nowMs });
  mountKeyLookup(app, parts.database);
  return app;
}

/** Reports that the process responds. The Worker's `/readyz` asks without a caller, so the answer says nothing of a project. */
function mountHealth(app: Hono): void {
  app.get("/healthz", (c) => c.json({ success: true, status: "ok" }));
}

/** @returns false if the work takes longer. The work then ends by itself, because each of its calls has a deadline too. */
async function withinDeadline(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), LIMITS.callDeadlineMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
