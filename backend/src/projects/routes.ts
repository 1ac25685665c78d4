// Serves the administration of projects and keys over HTTP (docs/API_DOCUMENTATION.md#administration). Thin: the schemas are in
// input.ts, the actions in projects.ts and keys.ts. A project out of the caller's reach looks like a project that does not exist.
// Every change is in the audit log before it is made. It is pushed to the edge before the response, and `propagated` says whether
// the push succeeded.

import type { Context, Hono } from "hono";
import * as z from "zod/mini";
import type { Database } from "../database/client.ts";
import type { Caller } from "../operation/caller.ts";
import { type Asked, endpoint, mount, type RecordAction } from "../operation/endpoint.ts";
import { readJsonBody, readQuery } from "../operation/parameters.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import type { EdgePush } from "../outbound/edge.ts";
import { KeyInput, ProjectChange, ProjectInput, RotateInput } from "./input.ts";
import { createKey, findKeyById, findKeyRecord, type Key, listKeys, revokeKey, rotateKey } from "./keys.ts";
import { createProject, listReachable, type Project, reachProject, updateProject } from "./projects.ts";
import { pushAll, pushUpdates } from "./push.ts";

export interface AdminParts {
  database: Database;
  edge: EdgePush;
  record: RecordAction;
  nowMs: () => number;
}

const KeysFilter = z.object({ projectId: z.optional(z.string()) });
const nothing = async (): Promise<Result<null>> => ok(null);
const idOf = (c: Context): string => c.req.param("id") ?? "";

export function mountAdmin(app: Hono, parts: AdminParts): void {
  mountProjects(app, parts);
  mountKeys(app, parts);
}

function mountProjects(app: Hono, { database, edge, record }: AdminParts): void {
  mount(app, "/v1/admin/projects", {
    GET: endpoint(record, {
      scope: "admin",
      action: "projects.list",
      read: nothing,
      answer: async ({ caller, audit }) => {
        await audit();
        return ok({ data: await listReachable(database, caller.project) });
      },
    }),
    POST: endpoint(record, {
      scope: "admin",
      action: "projects.create",
      status: 201,
      read: (c) => readJsonBody(c, ProjectInput),
      answer: async ({ caller, input, audit }) => {
        await audit({ name: input.name });
        return ok({ data: await createProject(database, input, caller.project) });
      },
    }),
  });
  mount(app, "/v1/admin/projects/:id", {
    GET: endpoint(record, {
      scope: "admin",
      action: "projects.get",
      read: nothing,
      answer: async ({ caller, audit, c }) => {
        await audit({ project: idOf(c) });
        const found = await reachProject(database, caller.project, idOf(c));
        return found === null ? refused("not_found") : ok({ data: found });
      },
    }),
    PATCH: endpoint(record, {
      scope: "admin",
      action: "projects.update",
      read: (c) => readJsonBody(c, ProjectChange),
      answer: async ({ caller, input, audit, c }) => {
        const before = await reachProject(database, caller.project, idOf(c));
        if (before === null) return refused("not_found");
        await audit({ project: before.id, change: input });
        const after = await updateProject(database, before.id, input);
        if (!after.ok) return after;
        // A key's record carries its project's settings to the edge.
        const propagated = (await pushAll(database, edge, before.id)).complete;
        return ok({ data: after.value, propagated });
      },
    }),
  });
}

function mountKeys(app: Hono, parts: AdminParts): void {
  const { database, edge, record, nowMs } = parts;
  mount(app, "/v1/admin/keys", {
    GET: endpoint(record, {
      scope: "admin",
      action: "keys.list",
      read: (c) => readQuery(c, KeysFilter),
      answer: async ({ caller, input, audit }) => {
        await audit(input);
        const reachable = await listReachable(database, caller.project);
        const asked = input.projectId === undefined ? reachable : reachable.filter(({ id }) => id === input.projectId);
        if (input.projectId !== undefined && asked.length === 0) return refused("not_found");
        return ok({
          data: await listKeys(
            database,
            asked.map(({ id }) => id),
          ),
        });
      },
    }),
    POST: endpoint(record, {
      scope: "admin",
      action: "keys.create",
      status: 201,
      read: (c) => readJsonBody(c, KeyInput),
      answer: async ({ caller, input, audit }) => {
        const owner: Project | null = await reachProject(database, caller.project, input.projectId);
        if (owner === null) return refused("invalid_parameter", "/projectId", "/projectId: no such project.");
        await audit({ ...input });
        const made = await createKey(database, owner, input);
        const propagated = await pushUpdates(database, edge, made.updates);
        return ok({ data: { ...made.view, key: made.key }, propagated });
      },
    }),
  });
  mount(app, "/v1/admin/keys/:id", {
    GET: endpoint(record, {
      scope: "admin",
      action: "keys.get",
      read: nothing,
      answer: async ({ caller, audit, c }) => {
        await audit({ key: idOf(c) });
        const found = await reachKey(database, caller, idOf(c));
        return found === null ? refused("not_found") : ok({ data: found });
      },
    }),
    DELETE: endpoint(record, {
      scope: "admin",
      action: "keys.revoke",
      read: nothing,
      answer: async ({ caller, audit, c }) => {
        const found = await reachKey(database, caller, idOf(c));
        if (found === null) return refused("not_found");
        await audit({ key: found.id, project: found.projectId });
        const revoked = await revokeKey(database, found.id, nowMs());
        if (!revoked.ok) return revoked;
        const propagated = await pushUpdates(database, edge, revoked.value.updates);
        return ok({ data: revoked.value.view, propagated });
      },
    }),
  });
  mount(app, "/v1/admin/keys/:id/rotate", {
    POST: endpoint(record, {
      scope: "admin",
      action: "keys.rotate",
      status: 201,
      read: readRotation,
      answer: (asked) => rotate(asked, parts),
    }),
  });
}

/** The body is optional, because the overlap has a default. */
async function readRotation(c: Context): Promise<Result<z.infer<typeof RotateInput>>> {
  const read = await readJsonBody(c, RotateInput);
  return !read.ok && read.problem.code === "empty_body" ? ok(RotateInput.parse({})) : read;
}

async function rotate(asked: Asked<z.infer<typeof RotateInput>>, { database, edge, nowMs }: AdminParts) {
  const { caller, input, audit, c } = asked;
  const found = await reachKey(database, caller, idOf(c));
  if (found === null) return refused<Record<string, unknown>>("not_found");
  await audit({ key: found.id, project: found.projectId, overlapHours: input.overlapHours });
  const rotated = await rotateKey(database, found.id, input.overlapHours, nowMs());
  if (!rotated.ok) return rotated;
  const propagated = await pushUpdates(database, edge, rotated.value.updates);
  return ok({ data: { ...rotated.value.view, key: rotated.value.key }, propagated });
}

async function reachKey(database: Database, caller: Caller, id: string): Promise<Key | null> {
  const found = await findKeyById(database, id);
  if (found === null || (await reachProject(database, caller.project, found.projectId)) === null) return null;
  return found;
}

/**
 * Serves the edge's look-up of a key that KV does not have yet. Only the Worker's signed calls reach it, and it is not part of
 * the public API. It writes no audit record, because it is part of judging a request and reads no personal data.
 */
export function mountKeyLookup(app: Hono, database: Database): void {
  mount(app, "/internal/keys/:sha256", {
    GET: async (c) => {
      const sha256 = c.req.param("sha256") ?? "";
      const found = /^[0-9a-f]{64}$/.test(sha256) ? await findKeyRecord(database, sha256) : null;
      return found === null ? c.json({ code: "not_found" }, 404) : c.json(found);
    },
  });
}
