// An event that was accepted at the edge and can't be stored: kept with its reason, so that nothing is lost in silence and a
// fix can be followed by a replay. Lies in S3, bucket `failed-events`, by project and code.

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
  /** True when `payload` was cut, and a replay would have to come from the stream. */
  payloadCut: z.boolean(),
});
export type FailedEvent = z.infer<typeof FailedEvent>;

export const FAILED_PAYLOAD_CHARS = 64 * 1024;
