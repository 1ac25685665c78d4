// Defines the tables of the control plane's tracking plans. A version is written once and never changed. The newest version is
// the current one.

import type { PlanMode, PlannedType, UnknownEvents } from "@behaviour/contract";
import { foreignKey, integer, json, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { instant } from "../database/columns.ts";

export const trackingPlan = pgTable(
  "tracking_plan",
  {
    project: text("project").notNull(),
    /** Counts from 1. The greatest version is the current one. There is no separate mark that two versions could carry. */
    version: integer("version").notNull(),
    mode: text("mode").$type<PlanMode>().notNull(),
    unknownEvents: text("unknown_events").$type<UnknownEvents>().notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    /** Id of the API key that pushed it, or `cli`. */
    createdBy: text("created_by").notNull(),
  },
  (table) => [primaryKey({ columns: [table.project, table.version] })],
);

export const trackingPlanEvent = pgTable(
  "tracking_plan_event",
  {
    project: text("project").notNull(),
    planVersion: integer("plan_version").notNull(),
    /** The event's index in the plan as pushed. */
    place: integer("place").notNull(),
    type: text("type").$type<PlannedType>().notNull(),
    /** Null for a type that has no names, and for the rule of pages or screens without their own rule. */
    event: text("event"),
    eventVersion: integer("event_version").notNull(),
    description: text("description"),
    /** JSON Schema as it was written. `jsonb` would reorder its keys, and a pull would differ from the push. */
    schema: json("schema").$type<Record<string, unknown>>().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.project, table.planVersion, table.place] }),
    foreignKey({
      columns: [table.project, table.planVersion],
      foreignColumns: [trackingPlan.project, trackingPlan.version],
    }),
  ],
);
