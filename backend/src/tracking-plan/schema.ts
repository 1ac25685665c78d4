// The control plane's tracking plans. A version is written once and never changed; the current one is the newest.

import type { PlanMode, PlannedType, UnknownEvents } from "@behaviour/contract";
import { foreignKey, integer, json, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { instant } from "../database/columns.ts";

export const trackingPlan = pgTable(
  "tracking_plan",
  {
    project: text("project").notNull(),
    /** Counts from 1. The greatest is the current one: there is no mark that could stand on two. */
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
    /** Its place in the plan as pushed. */
    place: integer("place").notNull(),
    type: text("type").$type<PlannedType>().notNull(),
    /** Null for a type that has no names, and for pages and screens without a rule of their own. */
    event: text("event"),
    eventVersion: integer("event_version").notNull(),
    description: text("description"),
    /** JSON Schema as it was written: `jsonb` would put its keys in another order, and a pull would not be what was pushed. */
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
