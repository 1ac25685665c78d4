// The line of the raw stream that would bring one event of a request there again: its envelope with that event alone. What a
// failed event keeps so that it can be replayed.

import { envelopeLine, isObject, LIMITS, type PiiFinding, type RequestEnvelope } from "@behaviour/contract";
import { PLACED_FIELDS, type UnpackedEvent } from "./unpack.ts";

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

/**
 * The same of an event in which the processor found personal data: it is kept masked, with what was found as the edge's own
 * verdict, so that a replay stores what the first run would have stored.
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
  // The batch's context is merged into the event's by now, and stands nowhere else.
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

/** Bounded, because it is kept with every failed event. */
export function keptOriginal(line: string): string | undefined {
  return line.length <= LIMITS.failedOriginalBytes ? line : undefined;
}
