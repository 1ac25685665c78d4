// A request that gets no result: a value, never an exception. Every stage returns what it made, or a refusal.

import type { ErrorCode } from "@behaviour/contract";

export class Refusal {
  readonly code: ErrorCode;
  /** JSON pointer to what was wrong, where there is one. */
  readonly pointer: string | undefined;
  /** Replaces the table's message where a more exact one names the fix. */
  readonly message: string | undefined;
  readonly retryAfterSeconds: number;

  constructor(code: ErrorCode, details: { pointer?: string; message?: string; retryAfterSeconds?: number } = {}) {
    this.code = code;
    this.pointer = details.pointer;
    this.message = details.message;
    this.retryAfterSeconds = details.retryAfterSeconds ?? 1;
  }
}
