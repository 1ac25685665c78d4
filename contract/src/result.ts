// Defines the answer about each event of a request. The four counters add up to the events sent.
// docs/API_DOCUMENTATION.md#answers.

import type { RejectionCode, WarningCode } from "./errors.ts";

export interface Rejection {
  index: number;
  messageId?: string;
  code: RejectionCode;
  message: string;
  /** JSON pointer relative to the event. */
  pointer?: string;
}

export interface Warning {
  index: number;
  code: WarningCode;
  pointer?: string;
}

export interface IngestResult {
  success: boolean;
  accepted: number;
  duplicates: number;
  suppressed: number;
  rejected: Rejection[];
  /** Warnings of events that were not rejected: at most 20 for one event and 200 in all. */
  warnings: Warning[];
  /** Number of the omitted warnings; absent if none was omitted. */
  warningsCut?: number | undefined;
}
