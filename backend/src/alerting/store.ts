// Keeps alert rules and their states in Postgres.

import { randomBytes } from "node:crypto";
import { and, asc, eq, inArray, sql } from "drizzle-orm";
import type { Database } from "../database/client.ts";
import { ok, type Result, refused } from "../operation/problem.ts";
import {
  type AlertChange,
  type AlertChannel,
  type AlertCondition,
  type AlertInput,
  type AlertTiming,
  isOwnTopic,
  ownTopicPrefix,
} from "./rule.ts";
import { alertRule, alertState } from "./schema.ts";

/** Each rule is evaluated every minute. */
const RULES_MAX = 200;

export type RuleRow = typeof alertRule.$inferSelect;
export type StateRow = typeof alertState.$inferSelect;

export interface AlertStateView {
  state: StateRow["state"];
  since: string;
  /** Null if there was no data to judge. */
  value: number | null;
  threshold: number | null;
  detail: Record<string, unknown>;
  evaluatedAt: string;
}

export interface Alert {
  id: string;
  projectId: string;
  name: string;
  condition: AlertCondition;
  timing: AlertTiming;
  channels: AlertChannel[];
  enabled: boolean;
  silencedUntil: string | null;
  createdAt: string;
  updatedAt: string;
  /** Null before the first evaluation. */
  state: AlertStateView | null;
}

export async function createAlert(database: Database, project: string, input: AlertInput): Promise<Result<RuleRow>> {
  const problem = channelProblem(project, input.channels);
  if (problem !== null) return problem;
  const existing = await database.$count(alertRule, eq(alertRule.project, project));
  if (existing >= RULES_MAX) {
    return refused("invalid_parameter", "", `A project has at most ${RULES_MAX} alert rules.`);
  }
  const [row] = await database
    .insert(alertRule)
    .values({
      id: `a_${randomBytes(10).toString("hex")}`,
      project,
      name: input.name,
      condition: input.condition,
      timing: input.timing,
      channels: input.channels,
      enabled: input.enabled,
      silencedUntil: dateOf(input.silencedUntil),
    })
    .returning();
  if (row === undefined) throw new Error("the database returned no row for a rule it has just written");
  return ok(row);
}

export async function findAlert(database: Database, id: string): Promise<RuleRow | null> {
  const [row] = await database.select().from(alertRule).where(eq(alertRule.id, id));
  return row ?? null;
}

/** Oldest first. */
export async function listAlerts(database: Database, projects: readonly string[]): Promise<Alert[]> {
  if (projects.length === 0) return [];
  const rows = await database
    .select({ rule: alertRule, state: alertState })
    .from(alertRule)
    .leftJoin(alertState, eq(alertState.rule, alertRule.id))
    .where(inArray(alertRule.project, [...projects]))
    .orderBy(asc(alertRule.createdAt), asc(alertRule.id));
  return rows.map(({ rule, state }) => toAlert(rule, state));
}

export async function viewAlert(database: Database, rule: RuleRow): Promise<Alert> {
  const [state] = await database.select().from(alertState).where(eq(alertState.rule, rule.id));
  return toAlert(rule, state ?? null);
}

/** A new condition resets the state, because observations of the old condition say nothing about it. */
export async function updateAlert(
  database: Database,
  before: RuleRow,
  change: AlertChange,
  nowMs: number,
): Promise<Result<RuleRow>> {
  const problem = channelProblem(before.project, change.channels ?? []);
  if (problem !== null) return problem;
  return database.transaction(async (transaction) => {
    const [row] = await transaction
      .update(alertRule)
      .set({
        name: change.name ?? before.name,
        condition: change.condition ?? before.condition,
        timing: {
          forMinutes: change.timing?.forMinutes ?? before.timing.forMinutes,
          clearForMinutes: change.timing?.clearForMinutes ?? before.timing.clearForMinutes,
          renotifyMinutes: change.timing?.renotifyMinutes ?? before.timing.renotifyMinutes,
        },
        channels: change.channels ?? before.channels,
        enabled: change.enabled ?? before.enabled,
        silencedUntil: change.silencedUntil === undefined ? before.silencedUntil : dateOf(change.silencedUntil),
        secretVersion: before.secretVersion + (change.rotateSecret === true ? 1 : 0),
        updatedAt: new Date(nowMs),
      })
      .where(and(eq(alertRule.id, before.id), eq(alertRule.secretVersion, before.secretVersion)))
      .returning();
    if (row === undefined) return refused<RuleRow>("conflicting_request", undefined, "The rule was changed meanwhile.");
    const beginsAnew = change.condition !== undefined || change.enabled === false;
    if (beginsAnew) {
      // The count of incidents continues, because its values are in the ids of notifications.
      await transaction
        .update(alertState)
        .set({
          state: "ok",
          since: new Date(nowMs),
          breachedSince: null,
          clearSince: null,
          announced: false,
          version: sql`${alertState.version} + 1`,
        })
        .where(eq(alertState.rule, before.id));
    }
    return ok(row);
  });
}

/** Deletes the rule with its state and its notifications. */
export async function deleteAlert(database: Database, id: string): Promise<void> {
  await database.delete(alertRule).where(eq(alertRule.id, id));
}

function channelProblem(project: string, channels: readonly AlertChannel[]): Result<never> | null {
  const foreign = channels.findIndex((channel) => channel.kind === "sns" && !isOwnTopic(channel.topicArn, project));
  if (foreign < 0) return null;
  const pointer = `/channels/${foreign}/topicArn`;
  return refused(
    "invalid_parameter",
    pointer,
    `${pointer}: the topic's name must be ${ownTopicPrefix(project)}, or begin with that and a hyphen.`,
  );
}

function dateOf(ms: number | null | undefined): Date | null {
  return ms === null || ms === undefined ? null : new Date(ms);
}

function toAlert(rule: RuleRow, state: StateRow | null): Alert {
  return {
    id: rule.id,
    projectId: rule.project,
    name: rule.name,
    condition: rule.condition,
    timing: rule.timing,
    channels: rule.channels,
    enabled: rule.enabled,
    silencedUntil: rule.silencedUntil?.toISOString() ?? null,
    createdAt: rule.createdAt.toISOString(),
    updatedAt: rule.updatedAt.toISOString(),
    state: state === null ? null : toStateView(state),
  };
}

function toStateView({ state, since, value, threshold, detail, evaluatedAt }: StateRow): AlertStateView {
  return {
    state,
    since: since.toISOString(),
    value,
    threshold,
    detail: detail ?? {},
    evaluatedAt: evaluatedAt.toISOString(),
  };
}
