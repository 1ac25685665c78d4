// What a project may choose, as far as the edge has to know it: it travels inside every key's record (keys.ts). The control
// plane checks it on entry by the same schema; everything has a default, so an empty object is a whole project.

import * as z from "zod/mini";
import { LIMITS } from "./limits.ts";

/** Of personal data that the edge finds: mask the text, drop the field, refuse the event, or leave it. */
export const PII_ACTIONS = ["mask", "drop_field", "reject", "allow"] as const;
/** Classes the edge finds; the processor finds others. */
export const EDGE_PII_CLASSES = ["email", "card", "token", "credential"] as const;
export type EdgePiiClass = (typeof EDGE_PII_CLASSES)[number];

const piiAction = z.optional(z.enum(PII_ACTIONS));
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
  pii: z.optional(z.strictObject({ email: piiAction, card: piiAction, token: piiAction, credential: piiAction })),
});
export type ProjectSettings = z.infer<typeof ProjectSettings>;
