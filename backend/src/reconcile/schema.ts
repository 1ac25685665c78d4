// Defines the reconciliation's tables (I9): the events that passed each hop, by project and minute of receipt.

import { bigint, boolean, index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { instant } from "../database/columns.ts";

const count = (name: string) => bigint(name, { mode: "number" });

/** One row for each project and minute with received events. */
export const flowMinute = pgTable(
  "flow_minute",
  {
    project: text("project").notNull(),
    minute: instant("minute").notNull(),
    /** The edge's own counts; null until a counter line has named this minute. */
    edgeAccepted: count("edge_accepted"),
    edgeRejected: count("edge_rejected"),
    edgeSuppressed: count("edge_suppressed"),
    edgeDuplicates: count("edge_duplicates"),
    /** Events that the processor read from the raw stream, and their outcomes. */
    received: count("received").notNull().default(0),
    processed: count("processed").notNull().default(0),
    failed: count("failed").notNull().default(0),
    redelivered: count("redelivered").notNull().default(0),
    /** The part of `processed` and `failed` that may have been read before: marked as a retry, or replayed. */
    repeated: count("repeated").notNull().default(0),
    /** The tiers' counts at the last check of the minute. */
    hotLoaded: count("hot_loaded").notNull().default(0),
    hotCopies: count("hot_copies").notNull().default(0),
    warmLoaded: count("warm_loaded").notNull().default(0),
    warmCopies: count("warm_copies").notNull().default(0),
    warmFailed: count("warm_failed").notNull().default(0),
    coldLoaded: count("cold_loaded").notNull().default(0),
    coldCopies: count("cold_copies").notNull().default(0),
    /** The time when a hop before the tiers last counted for this minute. */
    changedAt: instant("changed_at").notNull(),
    checkedAt: instant("checked_at"),
    balanced: boolean("balanced").notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.project, table.minute] }),
    index("flow_minute_minute").on(table.minute),
    index("flow_minute_open").on(table.balanced, table.minute),
  ],
);

/** The reconciliation's checkpoint in the counts of each hop, for each shard of the raw stream. */
export const flowCheckpoint = pgTable(
  "flow_checkpoint",
  {
    hop: text("hop").notNull(),
    rawShard: text("raw_shard").notNull(),
    position: text("position").notNull(),
  },
  (table) => [primaryKey({ columns: [table.hop, table.rawShard] })],
);

/** The warm tier's counts, which are written in the load's transaction. */
export const warmCount = pgTable(
  "warm_count",
  {
    project: text("project").notNull(),
    minute: instant("minute").notNull(),
    rawShard: text("raw_shard").notNull(),
    loaded: count("loaded").notNull(),
    copies: count("copies").notNull(),
    failed: count("failed").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.project, table.minute, table.rawShard] }),
    index("warm_count_minute").on(table.minute),
  ],
);
