// Serves the alert rules over HTTP at `/v1/admin/alerts` (docs/API_DOCUMENTATION.md#administration). A rule of a project out of
// the caller's reach looks like a rule that does not exist.

import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import type { Database } from "../database/client.ts";
import type { Caller } from "../operation/caller.ts";
import { endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { readJsonBody, readQuery } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import { listReachable, reachProject } from "../projects/projects.ts";
import type { AlertServices } from "./channel.ts";
import { signingSecret } from "./notification.ts";
import { AlertChange, AlertInput } from "./rule.ts";
import { createAlert, deleteAlert, findAlert, listAlerts, type RuleRow, updateAlert, viewAlert } from "./store.ts";
import { sendTest } from "./test-notification.ts";

export interface AlertRouteParts {
  database: Database;
  alerts: AlertServices;
  record: RecordAction;
  nowMs: () => number;
}

const Filter = z.object({ projectId: z.optional(z.string()) });
const nothing = async (): Promise<Result<null>> => ok(null);
const idOf = (c: Context): string => c.req.param("id") ?? "";

export function mountAlerts(app: Hono, parts: AlertRouteParts): void {
  const { database, alerts, record, nowMs } = parts;
  mount(app, "/v1/admin/alerts", {
    GET: endpoint(record, {
      scope: "admin",
      action: "alerts.list",
      read: (c) => readQuery(c, Filter),
      answer: async ({ caller, input, audit }) => {
        await audit(input);
        const reachable = (await listReachable(database, caller.project)).map(({ id }) => id);
        if (input.projectId !== undefined && !reachable.includes(input.projectId)) return refused("not_found");
        return ok({ data: await listAlerts(database, input.projectId === undefined ? reachable : [input.projectId]) });
      },
    }),
    POST: endpoint(record, {
      scope: "admin",
      action: "alerts.create",
      status: 201,
      read: (c) => readJsonBody(c, AlertInput),
      answer: async ({ caller, input, audit }) => {
        const project = await reachProject(database, caller.project, input.projectId ?? caller.project);
        if (project === null) return refused("invalid_parameter", "/projectId", "/projectId: no such project.");
        await audit({ project: project.id, name: input.name, condition: input.condition });
        const created = await createAlert(database, project.id, input);
        return created.ok ? ok(await shown(parts, created.value, true)) : created;
      },
    }),
  });
  mount(app, "/v1/admin/alerts/:id", {
    GET: endpoint(record, {
      scope: "admin",
      action: "alerts.get",
      read: nothing,
      answer: async ({ caller, audit, c }) => {
        await audit({ alert: idOf(c) });
        const rule = await reachAlert(database, caller, idOf(c));
        return rule === null ? refused("not_found") : ok(await shown(parts, rule, false));
      },
    }),
    PATCH: endpoint(record, {
      scope: "admin",
      action: "alerts.update",
      read: (c) => readJsonBody(c, AlertChange),
      answer: async ({ caller, input, audit, c }) => {
        const rule = await reachAlert(database, caller, idOf(c));
        if (rule === null) return refused("not_found");
        await audit({ alert: rule.id, project: rule.project, changed: Object.keys(input) });
        const updated = await updateAlert(database, rule, input, nowMs());
        if (!updated.ok) return updated;
        return ok(await shown(parts, updated.value, input.rotateSecret === true));
      },
    }),
    DELETE: endpoint(record, {
      scope: "admin",
      action: "alerts.delete",
      read: nothing,
      answer: async ({ caller, audit, c }) => {
        const rule = await reachAlert(database, caller, idOf(c));
        if (rule === null) return refused("not_found");
        await audit({ alert: rule.id, project: rule.project });
        await deleteAlert(database, rule.id);
        return ok({ data: { id: rule.id, deleted: true } });
      },
    }),
  });
  mount(app, "/v1/admin/alerts/:id/test", {
    POST: endpoint(record, {
      scope: "admin",
      action: "alerts.test",
      read: nothing,
      answer: async ({ caller, audit, c }) => {
        const rule = await reachAlert(database, caller, idOf(c));
        if (rule === null) return refused("not_found");
        await audit({ alert: rule.id, project: rule.project });
        return ok({ data: await sendTest(rule, alerts, nowMs()) });
      },
    }),
  });
}

/** @param withSecret the secret is shown when it is created, and never again */
async function shown({ database, alerts }: AlertRouteParts, rule: RuleRow, withSecret: boolean) {
  const view = await viewAlert(database, rule);
  const signs = rule.channels.some(({ kind }) => kind === "webhook");
  return { data: withSecret && signs ? { ...view, signingSecret: signingSecret(alerts.signingKey, rule) } : view };
}

async function reachAlert(database: Database, caller: Caller, id: string): Promise<RuleRow | null> {
  const rule = await findAlert(database, id);
  if (rule === null || (await reachProject(database, caller.project, rule.project)) === null) return null;
  return rule;
}
