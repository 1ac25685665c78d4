// Keeps projects, the unit of isolation. Through the admin API a caller reaches a project with a key of that project or of the
// project that created it (directly or further up). A project that `npm start` or `pipeline projects create` created is the
// operator's. Projects that were created with its keys are its tenants. Siblings and parents are out of reach.

import { randomBytes } from "node:crypto";
import { eq, inArray, sql } from "drizzle-orm";
import type { Database } from "../database/client.ts";
import { project } from "../database/schema.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import { MergedSettings, type ProjectChange, type ProjectInput, type SettingsInput } from "./input.ts";
import { bumpKeysOf } from "./keys.ts";

export interface Project {
  id: string;
  name: string;
  settings: SettingsInput;
  /** Buffer shards in each region. */
  shards: number;
  createdAt: string;
}

/** Stored among the settings in the table, but not a setting: never shown, never accepted from a client. */
const MADE_BY = "$madeBy";

type ProjectRow = typeof project.$inferSelect;

/** @param madeBy project whose key creates this project; null for the operator's own programs */
export async function createProject(
  database: Database,
  input: ProjectInput,
  madeBy: string | null,
  id: string = `p_${randomBytes(10).toString("hex")}`,
): Promise<Project> {
  const rows = await database
    .insert(project)
    .values({
      id,
      name: input.name,
      settings: { ...withoutInternal(input.settings ?? {}), ...(madeBy === null ? {} : { [MADE_BY]: madeBy }) },
      shards: input.shards ?? 1,
    })
    .returning();
  return toProject(rows[0]);
}

export async function findProject(database: Database, id: string): Promise<Project | null> {
  const rows = await database.select().from(project).where(eq(project.id, id));
  return rows.length === 0 ? null : toProject(rows[0]);
}

/** All projects, oldest first, for the operator's own programs. */
export async function listProjects(database: Database): Promise<Project[]> {
  const rows = await database.select().from(project).orderBy(project.createdAt, project.id);
  return rows.map(toProject);
}

/** The projects within reach of the caller's admin key: its project and all projects created from it, oldest first. */
export async function listReachable(database: Database, caller: string): Promise<Project[]> {
  const reachable = sql`(
    with recursive reachable as (
      select id from project where id = ${caller}
      union
      select made.id from project made join reachable on made.settings ->> ${MADE_BY}::text = reachable.id
    )
    select id from reachable
  )`;
  const rows = await database
    .select()
    .from(project)
    .where(inArray(project.id, reachable))
    .orderBy(project.createdAt, project.id);
  return rows.map(toProject);
}

/** @returns null if the project does not exist or is out of the caller's reach: both cases look the same. */
export async function reachProject(database: Database, caller: string, id: string): Promise<Project | null> {
  const reachable = await listReachable(database, caller);
  return reachable.find((one) => one.id === id) ?? null;
}

/** Whether the project is not a tenant: the operator's own programs created it, not a key. */
export async function isOperator(database: Database, id: string): Promise<boolean> {
  const rows = await database.select({ settings: project.settings }).from(project).where(eq(project.id, id));
  return rows[0] !== undefined && rows[0].settings[MADE_BY] === undefined;
}

/** Merges settings by name. The caller of this function has checked that the project is within reach. */
export async function updateProject(database: Database, id: string, change: ProjectChange): Promise<Result<Project>> {
  return database.transaction(async (transaction) => {
    const rows = await transaction.select().from(project).where(eq(project.id, id)).for("update");
    const row = rows[0];
    if (row === undefined) return refused<Project>("not_found");
    const merged: Record<string, unknown> = { ...row.settings, ...withoutInternal(change.settings ?? {}) };
    for (const [name, value] of Object.entries(merged)) if (value === null) delete merged[name];
    const checked = MergedSettings.safeParse(merged);
    if (!checked.success) {
      const issue = checked.error.issues[0];
      const pointer = ["/settings", ...(issue?.path ?? []).map(String)].join("/");
      return refused<Project>("invalid_parameter", pointer, `${pointer}: ${issue?.message ?? "not valid"}.`);
    }
    const updated = await transaction
      .update(project)
      .set({ name: change.name ?? row.name, shards: change.shards ?? row.shards, settings: merged })
      .where(eq(project.id, id))
      .returning();
    await bumpKeysOf(transaction, id);
    return ok(toProject(updated[0]));
  });
}

function withoutInternal(settings: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !name.startsWith("$")));
}

function toProject(row: ProjectRow | undefined): Project {
  if (row === undefined) throw new Error("the database returned no row for a project it has just written");
  return {
    id: row.id,
    name: row.name,
    settings: withoutInternal(row.settings),
    shards: row.shards,
    createdAt: row.createdAt.toISOString(),
  };
}
