// The line of the raw stream that would bring one event of a request there again: its envelope with that event alone. What a
// failed event keeps so that it can be replayed.

import { envelopeLine, LIMITS, type RequestEnvelope } from "@behaviour/contract";

/** @returns undefined for an event that cannot be written as JSON any more, or is too large to be kept. */
export function originalLine({ body, verdicts, ...head }: RequestEnvelope, index: number): string | undefined {
  const verdict = verdicts?.[head.shape === "batch" ? index : 0];
  const alone =
    head.shape === "batch" && Array.isArray(body["batch"]) ? { ...body, batch: [body["batch"][index]] } : body;
  let text: string;
  try {
    text = JSON.stringify(alone);
  } catch {
    // A RangeError: JSON.parse took a nesting that JSON.stringify cannot follow.
    return undefined;
  }
  const line = envelopeLine(verdict === undefined ? head : { ...head, verdicts: { 0: verdict } }, text);
  return keptOriginal(line);
}

/** Bounded, because it is kept with every failed event. */
export function keptOriginal(line: string): string | undefined {
  return line.length <= LIMITS.failedOriginalBytes ? line : undefined;
}
