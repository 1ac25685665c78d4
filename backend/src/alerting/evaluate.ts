// One evaluation of every rule: observe, judge, move the state, and write with it what is to be sent. A rule that can't be
// observed changes nothing and holds up no other.

import { and, eq } from "drizzle-orm";
import type { Database, Sql } from "../database/client.ts";
import { type Observation, observe } from "./measure.ts";
import { notificationsOf } from "./notification.ts";
import { boundsOf } from "./rule.ts";
import { alertNotification, alertRule, alertState } from "./schema.ts";
import { type AlertStanding, type Announcement, advance, initialStanding, judgeValue } from "./standing.ts";
import type { RuleRow, StateRow } from "./store.ts";

/** A rule is begun only with so much time left. */
const RULE_MS = 12_000;

export interface EvaluationParts {
  sql: Sql;
  database: Database;
  nowMs: () => number;
  /** Of one rule; the others go on. */
  report: (fault: unknown, ruleId: string) => void;
}

export interface EvaluationCounts {
  evaluated: number;
  firing: number;
  /** There was nothing to judge by. */
  withoutData: number;
  /** Could not be observed or written. */
  unevaluated: number;
  announced: number;
}

/** @throws the database's fault when the rules themselves can't be read. */
export async function evaluateAlerts(parts: EvaluationParts, remainingMs: () => number): Promise<EvaluationCounts> {
  const counts = { evaluated: 0, firing: 0, withoutData: 0, unevaluated: 0, announced: 0 };
  const rows = await parts.database
    .select({ rule: alertRule, state: alertState })
    .from(alertRule)
    .leftJoin(alertState, eq(alertState.rule, alertRule.id))
    .where(eq(alertRule.enabled, true))
    // Those that waited longest first, so that a run cut short leaves none out for ever.
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
    // Another run was faster: what it wrote stands, and what it announced is announced.
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
