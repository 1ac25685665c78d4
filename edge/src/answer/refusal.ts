// A request that gets no result: a value, never an exception. Every stage returns what it made, or a refusal.

import type { ErrorCode } from "@behaviour/contract";
import { masked } from "../pii/masked.ts";

export class Refusal {
  readonly code: ErrorCode;
  /** JSON pointer to what was wrong, where there is one; a key in it can be a personal datum. */
  readonly pointer: string | undefined;
  /** Replaces the table's message where a more exact one names the fix. Shown to watchers: never holds what was sent. */
  readonly message: string | undefined;
  readonly retryAfterSeconds: number;
  /** Whose request it was, as far as its key tells; watchers of that project are told (note-refusal.ts). */
  project: string | null = null;
  /** What the client is still sending. */
  body: ReadableStream<Uint8Array> | null = null;

  constructor(code: ErrorCode, details: { pointer?: string; message?: string; retryAfterSeconds?: number } = {}) {
    this.code = code;
    this.pointer = details.pointer === undefined ? undefined : masked(details.pointer);
    this.message = details.message;
    this.retryAfterSeconds = details.retryAfterSeconds ?? 1;
  }

  /** The same refusal, of a request whose body was not read to its end: the client gets to read the answer (respond.ts). */
  unread(body: ReadableStream<Uint8Array> | null): this {
    this.body = body;
    return this;
  }

  /** The same refusal, of a request of this project; null leaves it as it is: where no key in a header told one. */
  of(project: string | null): this {
    if (project !== null) this.project = project;
    return this;
  }
}
