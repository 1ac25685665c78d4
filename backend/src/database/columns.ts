// Defines the column types that several tables share.

import { timestamp } from "drizzle-orm/pg-core";

/** Milliseconds, as everywhere in the pipeline, so that a value is read back as it was written. */
export const instant = (name: string) => timestamp(name, { precision: 3, withTimezone: true, mode: "date" });
