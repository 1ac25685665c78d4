// Represents the refusal of a request, as a value and never as an exception. Every stage returns its result or a refusal.

import type { ErrorCode } from "@behaviour/contract";
import { masked } from "../pii/masked.ts";

export class Refusal {
  readonly code: ErrorCode;
  /** JSON pointer to the invalid value, if there is one. It is masked, because a key in it can be personal data. */
  readonly pointer: string | undefined;
  /** Replaces the code's message if a more exact message names the fix. Watchers see it, so it never holds what was sent. */
  readonly message: string | undefined;
  readonly retryAfterSeconds: number;
  /** The project of the request, if its key identified one. Watchers of the project see the refusal (note-refusal.ts). */
  project: string | null = null;
  /** The rest of the body, which the client is still sending. */
  body: ReadableStream<Uint8Array> | null = null;

  constructor(code: ErrorCode, details: { pointer?: string; message?: string; retryAfterSeconds?: number } = {}) {
    this.code = code;
    this.pointer = details.pointer === undefined ? undefined : masked(details.pointer);
    this.message = details.message;
    this.retryAfterSeconds = details.retryAfterSeconds ?? 1;
  }

  /** Adds a body that was not read to its end, so that the client can still read the answer (respond.ts). */
  unread(body: ReadableStream<Uint8Array> | null): this {
    this.body = body;
    return this;
  }

  /** Sets the request's project. Null changes nothing: no key in a header identified a project. */
  of(project: string | null): this {
    if (project !== null) this.project = project;
    return this;
  }
}
