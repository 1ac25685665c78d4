// Defines the dimensions that events can be counted by, in the only map from the API's names to columns of the store. A name that
// is not in the map never reaches SQL. The name after `properties.` reaches SQL as a bound value.

import { LIMITS } from "@behaviour/contract";
import type { Fragment, Sql } from "postgres";
import * as z from "zod/mini";
import { isStorableText } from "../operation/parameters.ts";

const COLUMNS = {
  /** The event's name, or its type if it has no name (an identify, a page without a name). */
  event: "label",
  type: "type",
  page: "path",
  path: "path",
  title: "title",
  url: "url",
  referrer: "referrer",
  referrer_source: "referrer_source",
  referrer_medium: "referrer_medium",
  country: "country",
  region: "region",
  city: "city",
  device: "device",
  os: "os",
  browser: "browser",
  utm_source: "utm_source",
  utm_medium: "utm_medium",
  utm_campaign: "utm_campaign",
  utm_term: "utm_term",
  utm_content: "utm_content",
  library: "library",
  consent: "consent",
} as const;

export type NamedDimension = keyof typeof COLUMNS;
export type Dimension = { kind: "named"; name: NamedDimension } | { kind: "property"; property: string };

const NAMED = Object.keys(COLUMNS) as NamedDimension[];
const PROPERTY_PREFIX = "properties.";

const namedDimension = z.enum(NAMED, `one of ${NAMED.join(", ")}`);

/** Any named dimension, or `properties.<name>` with the name of a top-level property. */
export const dimension = z.pipe(
  z.string(),
  z.transform((value, context): Dimension => {
    const known = namedDimension.safeParse(value);
    if (known.success) return { kind: "named", name: known.data };
    const property = value.startsWith(PROPERTY_PREFIX) ? value.slice(PROPERTY_PREFIX.length) : "";
    if (property !== "" && property.length <= LIMITS.keyLength && isStorableText(property)) {
      return { kind: "property", property };
    }
    context.issues.push({
      code: "custom",
      message: `not a dimension: properties.<name>, or one of ${NAMED.join(", ")}`,
      input: value,
    });
    return z.NEVER;
  }),
);

/** A row's value of the dimension, as text; null if the event has no value. */
export function dimensionValue(sql: Sql, by: Dimension): Fragment {
  if (by.kind === "property") return sql`(properties ->> ${by.property}::text)`;
  return sql`${sql(COLUMNS[by.name])}`;
}

/** Pages are counted by their views. Events of any type can have the other dimensions. */
export function dimensionFilter(sql: Sql, by: Dimension): Fragment {
  return by.kind === "named" && by.name === "page" ? sql`and type = 'page'` : sql``;
}
