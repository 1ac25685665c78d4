// Alerting's tables: rules, how each stands, and the notifications that are on their way.

import { boolean, doublePrecision, index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "../database/columns.ts";
import type { AlertChannel, AlertCondition, AlertTiming } from "./rule.ts";

export const alertRule = pgTable(
  "alert_rule",
  {
    id: text("id").primaryKey(),
    project: text("project").notNull(),
    name: text("name").notNull(),
    condition: jsonb("condition").$type<AlertCondition>().notNull(),
    timing: jsonb("timing").$type<AlertTiming>().notNull(),
    channels: jsonb("channels").$type<AlertChannel[]>().notNull(),
    enabled: boolean("enabled").notNull().default(true),
    silencedUntil: instant("silenced_until"),
    /** Counts rotations of the webhooks' secret, which is derived and never stored. */
    secretVersion: integer("secret_version").notNull().default(1),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
  },
  (table) => [index("alert_rule_project").on(table.project)],
);

export const alertState = pgTable("alert_state", {
  rule: text("rule")
    .primaryKey()
    .references(() => alertRule.id, { onDelete: "cascade" }),
  state: text("state").$type<"ok" | "pending" | "firing" | "resolved">().notNull(),
  since: instant("since").notNull(),
  /** Since when every observation lay beyond the threshold, or within the clear threshold; null when the last did not. */
  breachedSince: instant("breached_since"),
  clearSince: instant("clear_since"),
  /** Counts the times it fired: names an incident. */
  incident: integer("incident").notNull().default(0),
  notifiedAt: instant("notified_at"),
  /** Whether anybody was told that the incident under way fires. */
  announced: boolean("announced").notNull().default(false),
  /** Null when there was no data. */
  value: doublePrecision("value"),
  threshold: doublePrecision("threshold"),
  detail: jsonb("detail").$type<Record<string, unknown>>(),
  evaluatedAt: instant("evaluated_at").notNull(),
  /** Counts evaluations: of two at the same time one writes. */
  version: integer("version").notNull(),
});

/** Written with the state that causes it, so that none is lost and none is made twice. */
export const alertNotification = pgTable(
  "alert_notification",
  {
    /** Rule, incident, kind, number and channel: what receivers tell repetitions by. */
    id: text("id").primaryKey(),
    rule: text("rule")
      .notNull()
      .references(() => alertRule.id, { onDelete: "cascade" }),
    channel: jsonb("channel").$type<AlertChannel>().notNull(),
    body: jsonb("body").$type<Record<string, unknown>>().notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    attempts: integer("attempts").notNull().default(0),
    /** When it may be tried next; while an attempt is under way, when that one counts as lost. */
    dueAt: instant("due_at").notNull(),
    deliveredAt: instant("delivered_at"),
    givenUpAt: instant("given_up_at"),
    lastError: text("last_error"),
  },
  (table) => [index("alert_notification_due").on(table.dueAt)],
);
