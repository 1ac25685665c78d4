// Kinds of columns that several tables share.

import { timestamp } from "drizzle-orm/pg-core";

/** Milliseconds, as everywhere in the pipeline: what is read back is what was written. */
export const instant = (name: string) => timestamp(name, { precision: 3, withTimezone: true, mode: "date" });
