// Defines the table of redrive requests, which are made through the API and carried out by a separate function.

import { index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "../database/columns.ts";

export const redriveRequest = pgTable(
  "redrive_request",
  {
    id: text("id").primaryKey(),
    /** Null: all consumers. */
    consumer: text("consumer").$type<"process" | "hot" | "warm" | "cold">(),
    /** Id of the API key that made the request. */
    requestedBy: text("requested_by").notNull(),
    requestedAt: instant("requested_at").notNull(),
    redriven: integer("redriven").notNull().default(0),
    /** Batches that the last run could not redrive. */
    failed: integer("failed").notNull().default(0),
    problem: text("problem"),
    finishedAt: instant("finished_at"),
  },
  (table) => [index("redrive_request_open").on(table.finishedAt, table.requestedAt)],
);
