// Serves `/v1/admin/tracking-plan` (docs/API_DOCUMENTATION.md#administration): reads the plan, pushes a new version of it, and
// changes its settings alone. document.ts checks a plan, versions.ts stores its versions.

import { LIMITS, PLAN_MODES, TrackingPlan, UNKNOWN_EVENTS } from "@behaviour/contract";
import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import type { Database } from "../database/client.ts";
import { type Asked, endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { integer, readJsonBody, readQuery } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import { reachProject } from "../projects/projects.ts";
import { planDifference } from "./difference.ts";
import { checkPlan } from "./document.ts";
import type { PublishedPlans } from "./published.ts";
import { NO_PLAN, PlanVersions } from "./versions.ts";

export interface PlanRouteParts {
  database: Database;
  plans: Pick<PublishedPlans, "publish">;
  record: RecordAction;
}

const VERSION_MAX = 1_000_000_000;
/** A property of an item of an object … takes two levels of JSON for each level of the schema. */
const PLAN_DEPTH = 80;
/** The edge refuses a larger body. */
const BODY_BYTES = LIMITS.forwardedPlanBytes;

const version = z.int().check(z.gte(0), z.lte(VERSION_MAX));
const Asking = z.object({ version: z.optional(integer(1, VERSION_MAX)), projectId: z.optional(z.string()) });
/** Parsed loosely here, because `checkPlan` names all problems of the plan, not only the first. */
const PushBody = z.looseObject({ baseVersion: z.optional(version), projectId: z.optional(z.string()) });
const SettingsBody = z.strictObject({
  baseVersion: z.optional(version),
  projectId: z.optional(z.string()),
  mode: z.optional(z.enum(PLAN_MODES)),
  unknownEvents: z.optional(z.enum(UNKNOWN_EVENTS)),
});

export function mountPlans(app: Hono, { database, plans, record }: PlanRouteParts): void {
  const routes = new PlanRoutes(database, new PlanVersions(database, plans));
  const push = endpoint(record, {
    scope: "admin",
    action: "tracking-plan.push",
    read: (c: Context) => readJsonBody(c, PushBody, { maxBytes: BODY_BYTES, maxDepth: PLAN_DEPTH }),
    answer: (asked) => routes.push(asked),
  });
  mount(app, "/v1/admin/tracking-plan", {
    GET: endpoint(record, {
      scope: "admin",
      action: "tracking-plan.get",
      read: (c) => readQuery(c, Asking),
      answer: (asked) => routes.get(asked),
    }),
    PUT: push,
    POST: push,
    PATCH: endpoint(record, {
      scope: "admin",
      action: "tracking-plan.settings",
      read: (c) => readJsonBody(c, SettingsBody),
      answer: (asked) => routes.changeSettings(asked),
    }),
  });
}

type Answer = Promise<Result<Record<string, unknown>>>;

class PlanRoutes {
  readonly #database: Database;
  readonly #versions: PlanVersions;

  constructor(database: Database, versions: PlanVersions) {
    this.#database = database;
    this.#versions = versions;
  }

  async get({ caller, input, audit }: Asked<z.infer<typeof Asking>>): Answer {
    const project = await this.#projectOf(caller.project, input.projectId);
    if (project === null) return refused("not_found");
    await audit({ project, version: input.version });
    const found = await this.#versions.find(project, input.version);
    if (found === null && input.version !== undefined) return refused("not_found");
    const { plan, ...about } = found ?? { version: 0, plan: NO_PLAN, createdAt: null, createdBy: null };
    return ok({ data: { ...about, ...plan } });
  }

  async push({ caller, input, audit }: Asked<z.infer<typeof PushBody>>): Answer {
    const { baseVersion, projectId, ...document } = input;
    const project = await this.#projectOf(caller.project, projectId);
    if (project === null) return refused("not_found");
    const checked = checkPlan(document);
    if (!checked.ok) {
      const [first] = checked.problems;
      const message = checked.problems.map((problem) => `${problem.pointer}: ${problem.message}`).join("; ");
      return refused("invalid_parameter", first?.pointer ?? "", `${message}.`);
    }
    const { mode, unknownEvents, events } = checked.plan;
    await audit({ project, mode, unknownEvents, events: events.length });
    return this.#pushed(project, checked.plan, caller.keyId, baseVersion);
  }

  async changeSettings({ caller, input, audit }: Asked<z.infer<typeof SettingsBody>>): Answer {
    const project = await this.#projectOf(caller.project, input.projectId);
    if (project === null) return refused("not_found");
    const current = (await this.#versions.find(project))?.plan ?? NO_PLAN;
    const { mode = current.mode, unknownEvents = current.unknownEvents } = input;
    const checked = checkPlan({ ...current, mode, unknownEvents } satisfies TrackingPlan);
    if (!checked.ok) {
      const [problem] = checked.problems;
      return refused("invalid_parameter", problem?.pointer ?? "", `${problem?.message ?? "not valid"}.`);
    }
    await audit({ project, mode, unknownEvents });
    return this.#pushed(project, checked.plan, caller.keyId, input.baseVersion);
  }

  async #pushed(project: string, plan: TrackingPlan, actor: string, baseVersion?: number): Answer {
    const pushed = await this.#versions.push(project, plan, actor, baseVersion);
    if (!pushed.ok) {
      const message = `The plan is at version ${pushed.currentVersion} by now: pull it, and push again.`;
      return refused("conflicting_request", "/baseVersion", message);
    }
    const { version: made, created, propagated, before } = pushed;
    const { mode, unknownEvents, events } = plan;
    const changes = planDifference(before, plan);
    return ok({ data: { version: made, mode, unknownEvents, events: events.length, created, changes }, propagated });
  }

  #projectOf(callerProject: string, asked: string | undefined): Promise<string | null> {
    if (asked === undefined) return Promise.resolve(callerProject);
    return reachProject(this.#database, callerProject, asked).then((found) => found?.id ?? null);
  }
}
