// What a client is told about each event of a request. docs/API_DOCUMENTATION.md#answers: the four counters add up to the events sent.

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
  /** Of events that were not rejected; at most 20 of one event and 200 in all. */
  warnings: Warning[];
  /** How many more there were; absent when there were none. */
  warningsCut?: number | undefined;
}
