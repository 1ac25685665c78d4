// The frames of the Postgres wire protocol (version 3): cuts frames from a byte stream and builds the few frames that the server
// itself writes. Formats: https://www.postgresql.org/docs/current/protocol-message-formats.html

/** Far above any batch that this repository sends, and far below the size that would exhaust the process. */
const MESSAGE_MAX_BYTES = 256 * 1024 * 1024;
const STARTUP_MAX_BYTES = 10_000;

export interface Frame {
  /** The message's letter. Empty for the untyped messages that open a connection. */
  type: string;
  /** Type, length and body, as received. */
  bytes: Buffer;
  body: Buffer;
}

/** Cuts a connection's bytes into messages. The opening messages carry no type. `typed` says which kind comes next. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /**
   * The next complete message, or undefined until more bytes arrive.
   * @throws on a length that no message can have.
   */
  next(typed: boolean): Frame | undefined {
    const header = typed ? 5 : 4;
    if (this.#length < header) return undefined;
    const head = this.#peek(header);
    const length = head.readInt32BE(header - 4);
    if (length < 4 || length > (typed ? MESSAGE_MAX_BYTES : STARTUP_MAX_BYTES)) {
      throw new Error(`a message claims ${length} bytes`);
    }
    const total = header - 4 + length;
    if (this.#length < total) return undefined;
    const bytes = this.#take(total);
    return { type: typed ? String.fromCharCode(bytes[0] as number) : "", bytes, body: bytes.subarray(header) };
  }

  #peek(count: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (first.length >= count) return first;
    return this.#join();
  }

  #take(count: number): Buffer {
    const all = (this.#chunks[0] as Buffer).length >= count ? (this.#chunks[0] as Buffer) : this.#join();
    const taken = all.subarray(0, count);
    if (all.length === count) this.#chunks.shift();
    else this.#chunks[0] = all.subarray(count);
    this.#length -= count;
    return taken;
  }

  #join(): Buffer {
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

export function message(type: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? cString(part) : part)));
  const header = Buffer.alloc(5);
  header.write(type, "latin1");
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`, "utf8");
}

/**
 * The text that ends at the next NUL, and the position of its end.
 * @throws when there is no NUL.
 */
export function readCString(body: Buffer, offset: number): { text: string; end: number } {
  const end = body.indexOf(0, offset);
  if (end < 0) throw new Error("a text without a terminating NUL");
  return { text: body.toString("utf8", offset, end), end: end + 1 };
}

export function query(text: string): Buffer {
  return message("Q", text);
}

export const SYNC = message("S");

export function readyForQuery(status: "I" | "T" | "E"): Buffer {
  return message("Z", Buffer.from(status));
}

export type Severity = "ERROR" | "FATAL";

export function errorResponse(severity: Severity, code: string, text: string): Buffer {
  return message("E", `S${severity}`, `V${severity}`, `C${code}`, `M${text}`, Buffer.from([0]));
}

export function parameterStatus(name: string, value: string): Buffer {
  return message("S", name, value);
}

/** Number of input bytes that the engine reads at a time. */
const ENGINE_READ_BYTES = 8_192;
/** CopyData, CopyDone, CopyFail. The reader of a copy does continue to read, and must get all data in one call. */
const COPY_TYPES = new Set(Array.from("dcf", (type) => type.charCodeAt(0)));

/**
 * Splits messages into the parts that the engine may get in one call. If a message ends exactly where a read of the engine ends,
 * the engine takes its input as finished and never sees the bytes that follow. These bytes therefore go into another call.
 */
export function engineCalls(messages: Uint8Array): Uint8Array[] {
  const view = Buffer.from(messages.buffer, messages.byteOffset, messages.length);
  const calls: Uint8Array[] = [];
  let start = 0;
  for (let at = 0; at + 5 <= view.length; ) {
    at += 1 + view.readInt32BE(at + 1);
    if ((at - start) % ENGINE_READ_BYTES === 0 && at < view.length && !COPY_TYPES.has(view[at] as number)) {
      calls.push(view.subarray(start, at));
      start = at;
    }
  }
  calls.push(view.subarray(start));
  return calls;
}

/** The transaction status at the end of the answer to a Sync or Query. */
export function transactionStatus(answer: Uint8Array): "I" | "T" | "E" | undefined {
  const at = answer.length - 6;
  if (at < 0 || answer[at] !== 0x5a || answer[at + 4] !== 5) return undefined;
  const status = String.fromCharCode(answer[at + 5] as number);
  return status === "I" || status === "T" || status === "E" ? status : undefined;
}

/** The answer without its first message of this type. */
export function withoutFirst(answer: Uint8Array, type: string): Uint8Array {
  const view = Buffer.from(answer.buffer, answer.byteOffset, answer.length);
  for (let at = 0; at + 5 <= view.length; ) {
    const end = at + 1 + view.readInt32BE(at + 1);
    if (view[at] === type.charCodeAt(0)) return Buffer.concat([view.subarray(0, at), view.subarray(end)]);
    at = end;
  }
  return answer;
}

/** A copy of the answer without the notice that this build of the engine sends for every aborted transaction. */
export function withoutNoise(answer: Uint8Array): Uint8Array {
  const view = Buffer.from(answer.buffer, answer.byteOffset, answer.length);
  const kept: Buffer[] = [];
  for (let at = 0; at + 5 <= view.length; ) {
    const end = at + 1 + view.readInt32BE(at + 1);
    const message = view.subarray(at, end);
    if (view[at] !== 0x4e || !message.includes("RRecordTransactionAbort\0")) kept.push(message);
    at = end;
  }
  return Buffer.concat(kept);
}

/** The text of the first error in an answer. */
export function firstError(answer: Uint8Array): string | undefined {
  const view = Buffer.from(answer.buffer, answer.byteOffset, answer.length);
  for (let at = 0; at + 5 <= view.length; ) {
    const end = at + 1 + view.readInt32BE(at + 1);
    if (view[at] === 0x45) {
      const fields = view.toString("utf8", at + 5, end).split("\0");
      return fields.find((field) => field.startsWith("M"))?.slice(1) ?? "unknown error";
    }
    at = end;
  }
  return undefined;
}
