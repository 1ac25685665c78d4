// Defines how long each tier keeps a project's events. The control plane validates `settings.retention` on entry, and the ageing
// job reads it. Pure.
//
// The period starts at the later of an event's own time and its receipt, so imported events of last year are kept as long as
// events of today. Whole minutes, days and objects are deleted, so an event may stay a day longer.

import * as z from "zod/mini";

export interface Retention {
  hotHours: number;
  warmDays: number;
  coldDays: number;
}

/** Hot and warm: the limits that the tiers are designed for. Cold: the time by which a project should have decided. */
export const RETENTION_MAX: Retention = {
  /** Items carry this period as their expiry. */
  hotHours: 48,
  /** Continuous aggregates are refreshed within this period. */
  warmDays: 90,
  coldDays: 3_650,
};
export const RETENTION_DEFAULT: Retention = { hotHours: 48, warmDays: 90, coldDays: 730 };

function upTo(most: number) {
  return z.optional(z.int().check(z.gte(1), z.lte(most)));
}

/** Every field is optional. `RETENTION_DEFAULT` replaces an absent field. */
export const RetentionSettings = z.strictObject({
  hotHours: upTo(RETENTION_MAX.hotHours),
  warmDays: upTo(RETENTION_MAX.warmDays),
  coldDays: upTo(RETENTION_MAX.coldDays),
});

/** Invalid settings from before this validation count as absent, so that nothing is deleted early by mistake. */
export function retentionOf(settings: Record<string, unknown>): Retention {
  const parsed = RetentionSettings.safeParse(settings["retention"] ?? {});
  const { hotHours, warmDays, coldDays } = parsed.success ? parsed.data : {};
  return {
    hotHours: hotHours ?? RETENTION_DEFAULT.hotHours,
    warmDays: warmDays ?? RETENTION_DEFAULT.warmDays,
    coldDays: coldDays ?? RETENTION_DEFAULT.coldDays,
  };
}
