// How long each tier keeps a project's events: `settings.retention`, checked by the control plane on entry and read by the
// ageing job. Pure.
//
// What counts is the later of an event's own time and its receipt: an import of last year's events is kept as long from its
// arrival as if it had happened today. Whole minutes, days and objects go, so an event may stay a day longer.

import * as z from "zod/mini";

export interface Retention {
  hotHours: number;
  warmDays: number;
  coldDays: number;
}

/** The most that the tiers are made for, save for the archive, where it is what one should have decided by then. */
export const RETENTION_MAX: Retention = {
  /** Items carry this as their expiry. */
  hotHours: 48,
  /** Continuous aggregates are refreshed within it. */
  warmDays: 90,
  coldDays: 3_650,
};
export const RETENTION_DEFAULT: Retention = { hotHours: 48, warmDays: 90, coldDays: 730 };

function upTo(most: number) {
  return z.optional(z.int().check(z.gte(1), z.lte(most)));
}

/** Each is optional; what is absent is as `RETENTION_DEFAULT` has it. */
export const RetentionSettings = z.strictObject({
  hotHours: upTo(RETENTION_MAX.hotHours),
  warmDays: upTo(RETENTION_MAX.warmDays),
  coldDays: upTo(RETENTION_MAX.coldDays),
});

/** Settings that were stored before they were checked count as absent: nothing is deleted early by mistake. */
export function retentionOf(settings: Record<string, unknown>): Retention {
  const parsed = RetentionSettings.safeParse(settings["retention"] ?? {});
  const { hotHours, warmDays, coldDays } = parsed.success ? parsed.data : {};
  return {
    hotHours: hotHours ?? RETENTION_DEFAULT.hotHours,
    warmDays: warmDays ?? RETENTION_DEFAULT.warmDays,
    coldDays: coldDays ?? RETENTION_DEFAULT.coldDays,
  };
}
