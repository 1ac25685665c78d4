// Selects the events of a step of a funnel or a retention, by their name and by their values.

import { LIMITS } from "@behaviour/contract";
import type { Fragment, Sql } from "postgres";
import * as z from "zod/mini";
import { isStorableText, text } from "../operation/parameters.ts";
import { type Dimension, dimension, dimensionValue } from "./dimension.ts";

const CONDITIONS_MAX = 10;
const VALUES_MAX = 50;

const scalar = z.union([
  z
    .string()
    .check(
      z.maxLength(LIMITS.stringLength),
      z.refine(isStorableText, "contains a NUL character or an unpaired surrogate"),
    ),
  z.number(),
  z.boolean(),
  z.null(),
]);
type Scalar = z.infer<typeof scalar>;

interface Condition {
  by: Dimension;
  /** Any of these values matches. Null means that there is no value. */
  values: Scalar[];
}

/** `{"country":"DE","properties.plan":["pro","team"]}`: all names must match, each with any of its values. */
const where = z.pipe(
  z.record(z.string(), z.union([scalar, z.array(scalar).check(z.minLength(1), z.maxLength(VALUES_MAX))])),
  z.transform((given, context): Condition[] => {
    const names = Object.keys(given);
    if (names.length > CONDITIONS_MAX) {
      context.issues.push({ code: "custom", message: `more than ${CONDITIONS_MAX} conditions`, input: given });
      return z.NEVER;
    }
    return names.flatMap((name) => {
      const by = dimension.safeParse(name);
      if (!by.success) {
        context.issues.push({ code: "custom", path: [name], message: "not a dimension", input: name });
        return [];
      }
      const value = given[name];
      return [{ by: by.data, values: Array.isArray(value) ? value : [value ?? null] }];
    });
  }),
);

export const Selection = z.object({ event: text(LIMITS.eventNameLength), where: z.optional(where) });
export type Selection = z.infer<typeof Selection>;

/** An SQL condition on a row of `event`. It is never null. */
export function selects(sql: Sql, { event, where: conditions = [] }: Selection): Fragment {
  const parts = conditions.map(({ by, values }) => {
    const present = values.filter((value) => value !== null);
    const absent = present.length < values.length;
    const equal = by.kind === "property" ? propertyEquals(sql, by.property, present) : columnEquals(sql, by, present);
    return sql`and (coalesce(${equal}, false) ${absent ? sql`or ${dimensionValue(sql, by)} is null` : sql``})`;
  });
  // The driver would treat an empty list of fragments as a value.
  return sql`(label = ${event} ${parts.length === 0 ? sql`` : parts})`;
}

/** Compares as JSON, so that 1 and 1.0 are equal and "1" is different. */
function propertyEquals(sql: Sql, property: string, values: Scalar[]): Fragment {
  const texts = values.map((value) => JSON.stringify(value));
  return sql`(properties -> ${property}::text) = any(${texts}::text[]::jsonb[])`;
}

function columnEquals(sql: Sql, by: Dimension, values: Scalar[]): Fragment {
  return sql`${dimensionValue(sql, by)} = any(${values.map(String)}::text[])`;
}

/** The selection for the audit log, without the values, which may be personal data. */
export function auditedSelection({ event, where: conditions = [] }: Selection): Record<string, unknown> {
  return { event, where: conditions.map(({ by }) => (by.kind === "named" ? by.name : `properties.${by.property}`)) };
}
