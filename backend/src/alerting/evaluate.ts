// Evaluates every rule once: observes, judges, moves the state, and stores the notifications together with the state. A rule that
// cannot be observed changes nothing and delays no other rule.

import { and, eq } from "drizzle-orm";
import type { Database, Sql } from "../database/client.ts";
import { type Observation, observe } from "./measure.ts";
import { notificationsOf } from "./notification.ts";
import { boundsOf } from "./rule.ts";
import { alertNotification, alertRule, alertState } from "./schema.ts";
import { type AlertStanding, type Announcement, advance, initialStanding, judgeValue } from "./standing.ts";
import type { RuleRow, StateRow } from "./store.ts";

/** A rule is evaluated only if this much time is left. */
const RULE_MS = 12_000;

export interface EvaluationParts {
  sql: Sql;
  database: Database;
  nowMs: () => number;
  /** Reports the fault of one rule. The other rules are still evaluated. */
  report: (fault: unknown, ruleId: string) => void;
}

export interface EvaluationCounts {
  evaluated: number;
  firing: number;
  /** Rules without data to judge. */
  withoutData: number;
  /** Rules that could not be observed or written, or had no time left. */
  unevaluated: number;
  announced: number;
}

/** @throws the database's fault if the rules themselves cannot be read. */
export async function evaluateAlerts(parts: EvaluationParts, remainingMs: () => number): Promise<EvaluationCounts> {
  const counts = { evaluated: 0, firing: 0, withoutData: 0, unevaluated: 0, announced: 0 };
  const rows = await parts.database
    .select({ rule: alertRule, state: alertState })
    .from(alertRule)
    .leftJoin(alertState, eq(alertState.rule, alertRule.id))
    .where(eq(alertRule.enabled, true))
    // The rules that waited longest come first, so that no rule starves when runs are cut short.
    .orderBy(alertState.evaluatedAt, alertRule.id);
  for (const { rule, state } of rows) {
    if (remainingMs() < RULE_MS) {
      counts.unevaluated++;
      continue;
    }
    try {
      const { standing, observation, announced } = await evaluateRule(parts, rule, state);
      counts.evaluated++;
      if (standing.state === "firing") counts.firing++;
      if (observation.value === null) counts.withoutData++;
      if (announced) counts.announced++;
    } catch (fault) {
      counts.unevaluated++;
      parts.report(fault, rule.id);
    }
  }
  return counts;
}

async function evaluateRule({ sql, database, nowMs }: EvaluationParts, rule: RuleRow, state: StateRow | null) {
  const atMs = nowMs();
  const observation = await observe(sql, rule.project, rule.condition, atMs);
  const bounds = boundsOf(rule.condition);
  const before = state === null ? initialStanding(atMs) : standingOf(state);
  const silenced = rule.silencedUntil !== null && rule.silencedUntil.getTime() > atMs;
  const { standing, announcement } = advance(
    before,
    judgeValue(observation.value, bounds),
    rule.timing,
    silenced,
    atMs,
  );
  const next = rowOf(rule.id, standing, observation, {
    threshold: bounds.threshold,
    version: (state?.version ?? 0) + 1,
    nowMs: atMs,
  });
  const written = await database.transaction(async (transaction) => {
    const rows =
      state === null
        ? await transaction.insert(alertState).values(next).onConflictDoNothing().returning({ rule: alertState.rule })
        : await transaction
            .update(alertState)
            .set(next)
            .where(and(eq(alertState.rule, rule.id), eq(alertState.version, state.version)))
            .returning({ rule: alertState.rule });
    // Another run was faster. Its state is kept, and it has announced the change.
    if (rows.length === 0) return false;
    await announce(transaction, rule, announcement, {
      standing,
      observation,
      threshold: bounds.threshold,
      nowMs: atMs,
    });
    return true;
  });
  return { standing, observation, announced: written && announcement !== null };
}

async function announce(
  transaction: Pick<Database, "insert">,
  rule: RuleRow,
  kind: Announcement | null,
  occasion: { standing: AlertStanding; observation: Observation; threshold: number; nowMs: number },
): Promise<void> {
  const notifications = kind === null ? [] : notificationsOf(rule, { kind, ...occasion });
  if (notifications.length === 0) return;
  const dueAt = new Date(occasion.nowMs);
  const rows = notifications.map(({ id, channel, body }) => ({ id, rule: rule.id, channel, body, dueAt }));
  await transaction.insert(alertNotification).values(rows).onConflictDoNothing();
}

function standingOf(row: StateRow): AlertStanding {
  return {
    state: row.state,
    sinceMs: row.since.getTime(),
    breachedSinceMs: row.breachedSince?.getTime() ?? null,
    clearSinceMs: row.clearSince?.getTime() ?? null,
    incident: row.incident,
    notifiedAtMs: row.notifiedAt?.getTime() ?? null,
    announced: row.announced,
  };
}

function rowOf(
  rule: string,
  standing: AlertStanding,
  observation: Observation,
  { threshold, version, nowMs }: { threshold: number; version: number; nowMs: number },
): typeof alertState.$inferInsert {
  const date = (ms: number | null) => (ms === null ? null : new Date(ms));
  return {
    rule,
    state: standing.state,
    since: new Date(standing.sinceMs),
    breachedSince: date(standing.breachedSinceMs),
    clearSince: date(standing.clearSinceMs),
    incident: standing.incident,
    notifiedAt: date(standing.notifiedAtMs),
    announced: standing.announced,
    value: observation.value,
    threshold,
    detail: observation.detail,
    evaluatedAt: new Date(nowMs),
    version,
  };
}
