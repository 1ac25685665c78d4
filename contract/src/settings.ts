// Defines the settings of a project that the data plane needs. They are in every key's record (keys.ts), and each request carries
// the part that the processor needs (envelope.ts). The control plane checks them by the same schema. Every setting has a default,
// so an empty object is valid.

import * as z from "zod/mini";
import { LIMITS } from "./limits.ts";

/** What happens to personal data that is found: mask the text, drop the field, reject the event, or allow it. */
export const PII_ACTIONS = ["mask", "drop_field", "reject", "allow"] as const;
export type PiiAction = (typeof PII_ACTIONS)[number];
/** Classes that the edge finds with linear patterns. */
export const EDGE_PII_CLASSES = ["email", "card", "token", "credential"] as const;
export type EdgePiiClass = (typeof EDGE_PII_CLASSES)[number];
/** Classes that the processor finds: they need libraries with tables of every country. */
export const PROCESSOR_PII_CLASSES = ["phone", "iban", "national_id"] as const;
export type ProcessorPiiClass = (typeof PROCESSOR_PII_CLASSES)[number];

/** The enrichments of an event. A project may turn off each of them. docs/ENRICHMENT.md */
export const ENRICHMENTS = [
  "userAgent",
  "bot",
  "geography",
  "referrer",
  "campaign",
  "clickId",
  "page",
  "session",
  "identity",
  "personalData",
] as const;
export type EnrichmentName = (typeof ENRICHMENTS)[number];

const piiAction = z.optional(z.enum(PII_ACTIONS));
const processorPii = { phone: piiAction, iban: piiAction, national_id: piiAction };
const onOrOff = z.optional(z.boolean());
const enrichments = z.strictObject({
  userAgent: onOrOff,
  bot: onOrOff,
  geography: onOrOff,
  referrer: onOrOff,
  campaign: onOrOff,
  clickId: onOrOff,
  page: onOrOff,
  session: onOrOff,
  identity: onOrOff,
  personalData: onOrOff,
} satisfies Record<EnrichmentName, unknown>);
const regime = z.enum(["opt-in", "opt-out"]);

export const ProjectSettings = z.object({
  /** Overrides the regime of the caller's country. */
  consentRegime: z.optional(regime),
  /** Applies in countries without a known regime. */
  defaultRegime: z.optional(regime),
  /** What happens to an event without consent to analytics. */
  whenAnalyticsDenied: z.optional(z.enum(["drop", "cookieless"])),
  /** The project's own consent categories, by lower-case name, in addition to the built-in categories. */
  consentCategories: z.optional(
    z
      .record(z.string().check(z.maxLength(LIMITS.keyLength)), z.enum(["analytics", "advertising"]))
      .check(z.refine((categories) => Object.keys(categories).length <= LIMITS.keysPerObject, "too many categories")),
  ),
  /** TCF: the project bases its analytics purposes on legitimate interest where the law allows this. */
  legitimateInterest: z.optional(z.boolean()),
  pii: z.optional(
    z.strictObject({ email: piiAction, card: piiAction, token: piiAction, credential: piiAction, ...processorPii }),
  ),
  /** False turns an enrichment off. All are on by default. */
  enrichments: z.optional(enrichments),
  /**
   * The number of the project's shards that events of a secret key use, so that a server's batch of many users costs few calls.
   * All shards if absent. Each shard serves about 1,000 calls a second.
   */
  serverShards: z.optional(z.int().check(z.gte(1), z.lte(LIMITS.shardsMax))),
});
export type ProjectSettings = z.infer<typeof ProjectSettings>;

/** The settings that the processor needs, as far as they differ from the defaults. */
export const ProcessorSettings = z.object({
  pii: z.optional(z.object(processorPii)),
  /** Enrichments that are turned off. */
  off: z.optional(z.array(z.string())),
});
export type ProcessorSettings = z.infer<typeof ProcessorSettings>;

/** @returns null if all settings that the processor needs are the defaults. */
export function processorSettings({ pii, enrichments: chosen }: ProjectSettings): ProcessorSettings | null {
  const actions: NonNullable<ProcessorSettings["pii"]> = {};
  for (const piiClass of PROCESSOR_PII_CLASSES) {
    const action = pii?.[piiClass];
    if (action !== undefined && action !== "mask") actions[piiClass] = action;
  }
  const off = ENRICHMENTS.filter((name) => chosen?.[name] === false);
  const hasActions = Object.keys(actions).length > 0;
  if (!hasActions && off.length === 0) return null;
  return { ...(hasActions ? { pii: actions } : {}), ...(off.length === 0 ? {} : { off }) };
}

/** Whether the enrichment is turned on. */
export function isOn(settings: ProcessorSettings | undefined, name: EnrichmentName): boolean {
  return settings?.off === undefined || !settings.off.includes(name);
}
