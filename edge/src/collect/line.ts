// Builds the envelope's line in bytes: its head, and the events as they were sent wherever that is allowed. Text that is not
// serialized again is not encoded again either.

import { concatBytes, type RequestEnvelope } from "@behaviour/contract";
import type { StorableEvent } from "./consent.ts";
import { bytesOf } from "./event-texts.ts";
import type { ParsedBody } from "./parse.ts";
import type { SkimmedEvent } from "./skim.ts";

type Head = Omit<RequestEnvelope, "body">;

const encoder = new TextEncoder();

/** Bytes and texts in their order. Consecutive texts are encoded together. */
class Pieces {
  readonly #parts: Uint8Array[] = [];
  #text = "";

  addText(text: string): void {
    this.#text += text;
  }

  addBytes(bytes: Uint8Array): void {
    this.#close();
    this.#parts.push(bytes);
  }

  join(): Uint8Array {
    this.#close();
    return this.#parts.length === 1 ? (this.#parts[0] as Uint8Array) : concatBytes(this.#parts);
  }

  #close(): void {
    if (this.#text !== "") this.#parts.push(encoder.encode(this.#text));
    this.#text = "";
  }
}

function startOf(head: Head): string {
  return `${JSON.stringify(head).slice(0, -1)},"body":`;
}

/** Smaller texts are encoded as fast as their bytes are copied. */
const SMALL_BYTES = 4 * 1024;

/** The body as it was sent, except for line breaks: in JSON a line break is always white space. */
export function lineAsSent(head: Head, parsed: ParsedBody): Uint8Array {
  const { text, sent } = parsed;
  const pieces = new Pieces();
  pieces.addText(startOf(head));
  if (sent.byteLength < SMALL_BYTES || hasBreaks(text)) pieces.addText(withoutBreaks(text));
  else pieces.addBytes(bytesOf(parsed));
  pieces.addText("}\n");
  return pieces.join();
}

/** The events without the rest of the body. An event that was changed or parsed is serialized from its value. */
export function lineOfEvents(head: Head, parsed: ParsedBody, events: readonly StorableEvent[]): Uint8Array {
  const pieces = new Pieces();
  pieces.addText(startOf(head));
  if (parsed.shape === "event") {
    // The key is not stored.
    const { writeKey: _writeKey, ...event } = events[0]?.event ?? {};
    pieces.addText(JSON.stringify(event));
  } else {
    pieces.addText('{"batch":[');
    if (parsed.skimmed === null || hasBreaks(parsed.text)) addValues(pieces, events);
    else addRanges(pieces, parsed, parsed.skimmed, events);
    pieces.addText(parsed.sentAt === undefined ? "]}" : `],"sentAt":${JSON.stringify(parsed.sentAt)}}`);
  }
  pieces.addText("}\n");
  return pieces.join();
}

function addValues(pieces: Pieces, events: readonly StorableEvent[]): void {
  pieces.addText(events.map(({ event }) => JSON.stringify(event)).join(","));
}

/** Ordinary events that are adjacent in the body are copied together. */
function addRanges(
  pieces: Pieces,
  parsed: ParsedBody,
  skimmed: readonly SkimmedEvent[],
  events: readonly StorableEvent[],
): void {
  const bytes = bytesOf(parsed);
  for (let place = 0; place < events.length; ) {
    if (place > 0) pieces.addText(",");
    const first = events[place] as StorableEvent;
    if (first.isOrdinary !== true) {
      pieces.addText(JSON.stringify(first.event));
      place++;
      continue;
    }
    let last = first.index;
    while (++place < events.length && isNext(events[place] as StorableEvent, last)) last++;
    pieces.addBytes(bytes.subarray(skimmed[first.index]?.start, skimmed[last]?.end));
  }
}

function isNext(event: StorableEvent, last: number): boolean {
  return event.isOrdinary === true && event.index === last + 1;
}

function hasBreaks(text: string): boolean {
  return text.includes("\n") || text.includes("\r");
}

function withoutBreaks(text: string): string {
  return hasBreaks(text) ? text.replace(/[\n\r]/g, " ") : text;
}
