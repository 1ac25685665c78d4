// Defines the tables of alerting: rules, the state of each rule, and the notifications to deliver.

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
  /** Start of the current run of observations beyond the threshold, or within the clear threshold. Null if there is no run. */
  breachedSince: instant("breached_since"),
  clearSince: instant("clear_since"),
  /** Counts how often the rule fired. The number names an incident. */
  incident: integer("incident").notNull().default(0),
  notifiedAt: instant("notified_at"),
  /** Whether the current incident was announced. */
  announced: boolean("announced").notNull().default(false),
  /** Null when there was no data. */
  value: doublePrecision("value"),
  threshold: doublePrecision("threshold"),
  detail: jsonb("detail").$type<Record<string, unknown>>(),
  evaluatedAt: instant("evaluated_at").notNull(),
  /** Counts evaluations, so that only one of two concurrent evaluations writes. */
  version: integer("version").notNull(),
});

/** A notification is written with the state that causes it, so that no notification is lost or created twice. */
export const alertNotification = pgTable(
  "alert_notification",
  {
    /** Rule, incident, kind, number and channel. Receivers recognise a duplicate by it. */
    id: text("id").primaryKey(),
    rule: text("rule")
      .notNull()
      .references(() => alertRule.id, { onDelete: "cascade" }),
    channel: jsonb("channel").$type<AlertChannel>().notNull(),
    body: jsonb("body").$type<Record<string, unknown>>().notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    attempts: integer("attempts").notNull().default(0),
    /** Time of the next attempt. While an attempt is in progress: the time when it counts as lost. */
    dueAt: instant("due_at").notNull(),
    deliveredAt: instant("delivered_at"),
    givenUpAt: instant("given_up_at"),
    lastError: text("last_error"),
  },
  (table) => [index("alert_notification_due").on(table.dueAt)],
);
