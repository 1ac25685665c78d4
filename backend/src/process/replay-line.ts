// Writes the line that puts one event of a request on the raw stream again: its envelope with that event alone. A failed event
// keeps this line so that it can be replayed.

import { envelopeLine, isObject, LIMITS, type PiiFinding, type RequestEnvelope } from "@behaviour/contract";
import { PLACED_FIELDS, type UnpackedEvent } from "./unpack.ts";

/** @returns undefined for an event that cannot be written as JSON, or is too large to be kept. */
export function originalLine({ body, verdicts, ...head }: RequestEnvelope, index: number): string | undefined {
  const verdict = verdicts?.[head.shape === "batch" ? index : 0];
  const alone =
    head.shape === "batch" && Array.isArray(body["batch"]) ? { ...body, batch: [body["batch"][index]] } : body;
  let text: string;
  try {
    text = JSON.stringify(alone);
  } catch {
    // A RangeError: JSON.parse accepts a deeper nesting than JSON.stringify can write.
    return undefined;
  }
  const line = envelopeLine(verdict === undefined ? head : { ...head, verdicts: { 0: verdict } }, text);
  return keptOriginal(line);
}

/**
 * Writes the line of an event in which the processor found personal data. The event is kept masked, and the findings are added to
 * the edge's verdict, so that a replay stores the same event as the first run would have stored.
 */
export function redactedLine(
  envelope: RequestEnvelope,
  index: number,
  event: UnpackedEvent,
  findings: readonly PiiFinding[],
): string | undefined {
  const isBatch = envelope.shape === "batch" && Array.isArray(envelope.body["batch"]);
  const sent: unknown = isBatch ? (envelope.body["batch"] as unknown[])[index] : envelope.body;
  const verdict = envelope.verdicts?.[isBatch ? index : 0];
  const verdicts = { 0: { ...verdict, pii: [...(verdict?.pii ?? []), ...findings] } };
  const alone = maskedBody(isObject(sent) ? sent : {}, event);
  // The batch's context is already merged into the event's context, so the body must not repeat it.
  const { context: _batchContext, ...body } = envelope.body;
  const whole = isBatch ? { ...body, batch: [alone] } : alone;
  return originalLine({ ...envelope, body: whole, verdicts }, 0);
}

function maskedBody(sent: Record<string, unknown>, event: UnpackedEvent): Record<string, unknown> {
  const { $fields, $plan: _mark, ...context } = event.context;
  const placed = Object.fromEntries(Object.entries(sent).filter(([field]) => PLACED_FIELDS.has(field)));
  return {
    ...placed,
    ...(isObject($fields) ? $fields : {}),
    ...("name" in sent && event.type !== "track" ? { name: event.name } : {}),
    ...("traits" in sent ? { traits: event.traits } : {}),
    properties: event.properties,
    context,
  };
}

/** The size is bounded, because the line is kept with every failed event. */
export function keptOriginal(line: string): string | undefined {
  return line.length <= LIMITS.failedOriginalBytes ? line : undefined;
}
