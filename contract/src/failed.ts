// An event that was accepted at the edge and can't be stored: kept with its reason, so that nothing is lost in silence and a
// fix can be followed by a replay. Lies in S3, bucket `failed-events`, by project and code. What people see of it is
// redacted; the original lies beside it, sealed (docs/adr/005-failed-events-and-replay.md).

import * as z from "zod/mini";
import { FAILURES, type FailureCode } from "./errors.ts";

export const FailedEvent = z.object({
  /** Deterministic: the same failure found twice is stored once. */
  id: z.string(),
  /** `unknown` when the record could not be read that far. */
  project: z.string(),
  messageId: z.nullable(z.string()),
  code: z.enum(Object.keys(FAILURES) as [FailureCode, ...FailureCode[]]),
  message: z.string(),
  pointer: z.nullable(z.string()),
  stage: z.enum(["process", "hot", "warm", "cold"]),
  failedAtMs: z.number(),
  receivedAtMs: z.nullable(z.number()),
  /** The line or event as text, cut to 64 KiB. */
  payload: z.string(),
  /** True when `payload` was cut. */
  payloadCut: z.boolean(),
  /** The rule that was broken, as JSON: `{"maximum":100}`. Absent where the code says all. */
  limit: z.optional(z.string()),
  /** What was found there, redacted and shortened. */
  actual: z.optional(z.string()),
  /** Version of the tracking plan that judged the event. */
  planVersion: z.optional(z.number()),
  /** Surrogate of the person, where the event could be read that far: by it an erasure finds the row. */
  subject: z.optional(z.string()),
});
export type FailedEvent = z.infer<typeof FailedEvent>;

export const FAILED_PAYLOAD_CHARS = 64 * 1024;
