// Cuts the texts of a body's events, as sent, out of the body when the first text is needed.

import type { JsonObject } from "@behaviour/contract";
import type { SentBody } from "../body/read.ts";
import { batchItemTexts, memberText } from "../body/slices.ts";
import { parseKeepingNumbers } from "./repair.ts";
import type { SkimmedEvent } from "./skim.ts";

/** The part of a parsed body that its events' texts are cut out of. */
interface CutBody {
  shape: "batch" | "event";
  text: string;
  sent: SentBody;
  skimmed: readonly SkimmedEvent[] | null;
}

const encoder = new TextEncoder();
/** A byte order mark that begins a text is one of its characters. */
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** The body's bytes, encoded again if they were released to save memory. */
export function bytesOf(parsed: Pick<CutBody, "sent">): Uint8Array {
  return parsed.sent.bytes ?? encoder.encode(parsed.sent.text);
}

export class EventTexts {
  readonly #parsed: CutBody;
  #texts: string[] | null = null;

  constructor(parsed: CutBody) {
    this.#parsed = parsed;
  }

  text(index: number): string {
    const { skimmed, sent, shape, text } = this.#parsed;
    const range = skimmed?.[index];
    if (range === undefined) {
      this.#texts ??= shape === "batch" ? batchItemTexts(text) : [text.trim()];
      return this.#texts[index] as string;
    }
    // Ranges count bytes.
    const isAscii = sent.text.length === sent.byteLength;
    return isAscii
      ? sent.text.slice(range.start, range.end)
      : decoder.decode(bytesOf(this.#parsed).subarray(range.start, range.end));
  }

  byteLength(index: number): number {
    const range = this.#parsed.skimmed?.[index];
    return range === undefined ? encoder.encode(this.text(index)).byteLength : range.end - range.start;
  }

  /** Parses the event again without rounding a number, and without the batch's context. The event is within the depth limit. */
  parseKeepingNumbers(index: number): JsonObject {
    return parseKeepingNumbers(this.text(index));
  }

  /** Parses the batch's own context again without rounding a number. */
  batchContext(): JsonObject {
    return parseKeepingNumbers(memberText(this.#parsed.text, "context") as string);
  }
}
