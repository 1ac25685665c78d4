// Defines the schemas for creating and changing projects and keys, which the admin routes and the command line share. Objects are
// strict: if a mistyped `origins` were ignored, the key would be open to everybody.

import { ProjectSettings as EdgeSettings, LIMITS, PUBLIC_SCOPES, SCOPES } from "@behaviour/contract";
import * as z from "zod/mini";
import { RetentionSettings } from "../ageing/retention.ts";
import { text, time } from "../operation/parameters.ts";
import { normaliseCidr, normaliseOrigin } from "./network.ts";

/** Maximum number of a key's origins or ranges, because its record is copied to every edge location. */
const RESTRICTIONS_MAX = 100;
const RATE_LIMIT_MAX = 1_000_000;
const NAME_MAX_LENGTH = 100;
const OVERLAP_MAX_HOURS = 30 * 24;
const SETTINGS_MAX_BYTES = 16 * 1_024;

function normalised(normalise: (value: string) => string | null, message: string) {
  return z.pipe(
    z.string(),
    z.transform((value, context) => {
      const result = normalise(value);
      if (result === null) context.issues.push({ code: "custom", message, input: value });
      return result ?? z.NEVER;
    }),
  );
}

const origin = normalised(normaliseOrigin, "not an origin: https://www.example.com, or https://*.example.com");
const cidr = normalised(normaliseCidr, "not an address range: 192.0.2.0/24, or 2001:db8::/32");
const rateLimit = z.int().check(z.gte(1), z.lte(RATE_LIMIT_MAX));

/** Settings that the pipeline knows are checked. A project may store other settings, which are returned unchanged. */
const settings = z
  .looseObject({
    ...EdgeSettings.shape,
    /** Default for keys without a rate limit, in events per second. */
    rateLimit: z.optional(rateLimit),
    retention: z.optional(RetentionSettings),
  })
  .check(z.refine((value) => JSON.stringify(value).length <= SETTINGS_MAX_BYTES, "larger than 16 KiB"))
  .check(z.refine((value) => !JSON.stringify(value).includes("\\u0000"), "holds a NUL"));
export type SettingsInput = z.infer<typeof settings>;

const shards = z.int().check(z.gte(1), z.lte(LIMITS.shardsMax));

export const ProjectInput = z.strictObject({
  name: text(NAME_MAX_LENGTH),
  settings: z.optional(settings),
  shards: z.optional(shards),
});
export type ProjectInput = z.infer<typeof ProjectInput>;

/** A setting replaces the stored setting of the same name. The value null deletes it. */
export const ProjectChange = z.strictObject({
  name: z.optional(text(NAME_MAX_LENGTH)),
  settings: z.optional(z.record(z.string(), z.json())),
  shards: z.optional(shards),
});
export type ProjectChange = z.infer<typeof ProjectChange>;
export const MergedSettings = settings;

export const KeyInput = z
  .strictObject({
    projectId: text(100),
    kind: z.enum(["public", "secret"]),
    environment: z.nullish(z.enum(["live", "test"])),
    scopes: z.nullish(z.array(z.enum(SCOPES)).check(z.minLength(1), z.maxLength(SCOPES.length))),
    origins: z.nullish(z.array(origin).check(z.maxLength(RESTRICTIONS_MAX))),
    cidrs: z.nullish(z.array(cidr).check(z.maxLength(RESTRICTIONS_MAX))),
    rateLimit: z.nullish(rateLimit),
    notBefore: z.nullish(time),
    notAfter: z.nullish(time),
  })
  .check((context) => {
    const { kind, scopes, notBefore, notAfter } = context.value;
    const beyond = kind === "public" ? (scopes ?? []).findIndex((scope) => !PUBLIC_SCOPES.includes(scope)) : -1;
    const refuse = (path: PropertyKey[], message: string) =>
      context.issues.push({ code: "custom", path, message, input: context.value });
    if (beyond >= 0) refuse(["scopes", beyond], "a public key may only write events and consent");
    if (typeof notBefore === "number" && typeof notAfter === "number" && notAfter <= notBefore) {
      refuse(["notAfter"], "must be later than `notBefore`");
    }
  });
export type KeyInput = z.infer<typeof KeyInput>;

export const RotateInput = z.strictObject({
  overlapHours: z._default(z.number().check(z.gte(0), z.lte(OVERLAP_MAX_HOURS)), LIMITS.rotationOverlapHours),
});
