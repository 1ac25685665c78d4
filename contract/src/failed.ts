// Defines the failed event: an event that the edge accepted and that cannot be stored. It is kept with its reason, so that no
// event is lost in silence and a fix can be followed by a replay. It is stored in S3, bucket `failed-events`, by project and
// code. People see a redacted copy. The sealed original is stored beside it (docs/adr/005-failed-events-and-replay.md).

import * as z from "zod/mini";
import { FAILURES, type FailureCode } from "./errors.ts";

export const FailedEvent = z.object({
  /** Deterministic, so that a failure that is found twice is stored once. */
  id: z.string(),
  /** `unknown` if the record's project could not be read. */
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
  /** The broken rule as JSON: `{"maximum":100}`. Absent if the code says enough. */
  limit: z.optional(z.string()),
  /** The value at the pointer, redacted and shortened. */
  actual: z.optional(z.string()),
  /** Version of the tracking plan that judged the event. */
  planVersion: z.optional(z.number()),
  /** Surrogate of the person, if the event's ids could be read. An erasure finds the row by it. */
  subject: z.optional(z.string()),
});
export type FailedEvent = z.infer<typeof FailedEvent>;

export const FAILED_PAYLOAD_CHARS = 64 * 1024;
