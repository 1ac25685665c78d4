// What a project may choose, as far as the data plane has to know it: it travels inside every key's record (keys.ts), and what
// the processor needs of it goes on with each request (envelope.ts). The control plane checks it on entry by the same schema;
// everything has a default, so an empty object is a whole project.

import * as z from "zod/mini";
import { LIMITS } from "./limits.ts";

/** Of personal data that is found: mask the text, drop the field, refuse the event, or leave it. */
export const PII_ACTIONS = ["mask", "drop_field", "reject", "allow"] as const;
export type PiiAction = (typeof PII_ACTIONS)[number];
/** Classes the edge finds: a linear pattern tells them. */
export const EDGE_PII_CLASSES = ["email", "card", "token", "credential"] as const;
export type EdgePiiClass = (typeof EDGE_PII_CLASSES)[number];
/** Classes the processor finds: they take libraries with tables of every country. */
export const PROCESSOR_PII_CLASSES = ["phone", "iban", "national_id"] as const;
export type ProcessorPiiClass = (typeof PROCESSOR_PII_CLASSES)[number];

/** What the processor adds to an event, each of which a project may turn off. docs/ENRICHMENT.md */
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
  /** Overrides what follows from the caller's country. */
  consentRegime: z.optional(regime),
  /** In countries for which no regime is known. */
  defaultRegime: z.optional(regime),
  /** What becomes of an event without consent to analytics. */
  whenAnalyticsDenied: z.optional(z.enum(["drop", "cookieless"])),
  /** The project's own consent categories, by lower-case name, beside the ones everybody has. */
  consentCategories: z.optional(
    z
      .record(z.string().check(z.maxLength(LIMITS.keyLength)), z.enum(["analytics", "advertising"]))
      .check(z.refine((categories) => Object.keys(categories).length <= LIMITS.keysPerObject, "too many categories")),
  ),
  /** TCF: the project rests its analytics purposes on legitimate interest where the law allows it. */
  legitimateInterest: z.optional(z.boolean()),
  pii: z.optional(
    z.strictObject({ email: piiAction, card: piiAction, token: piiAction, credential: piiAction, ...processorPii }),
  ),
  /** False turns one off; all are on by default. */
  enrichments: z.optional(enrichments),
  /**
   * Events that come with a secret key use only so many of the project's shards: a server's batch of many users then costs few calls.
   * All of them when absent. Each takes about 1,000 calls a second.
   */
  serverShards: z.optional(z.int().check(z.gte(1), z.lte(LIMITS.shardsMax))),
});
export type ProjectSettings = z.infer<typeof ProjectSettings>;

/** The part of the settings that the processor goes by, as far as it differs from the defaults. */
export const ProcessorSettings = z.object({
  pii: z.optional(z.object(processorPii)),
  /** Enrichments that are off. */
  off: z.optional(z.array(z.string())),
});
export type ProcessorSettings = z.infer<typeof ProcessorSettings>;

/** @returns null when the project chose nothing that the processor would not do by itself. */
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

/** Whether the processor is to make this enrichment. */
export function isOn(settings: ProcessorSettings | undefined, name: EnrichmentName): boolean {
  return settings?.off === undefined || !settings.off.includes(name);
}
