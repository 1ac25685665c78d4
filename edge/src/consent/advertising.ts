// Implements the outcome `restricted`: removes click ids and advertising ids from every field of an event. The processor removes
// them too, but the raw stream keeps the edge's output for a week. docs/API_DOCUMENTATION.md#consent, ADR 013.

import { isObject, type JsonObject, stripClickIds, stripContext } from "@behaviour/contract";

/** These ids become surrogates, so nothing is removed from them. */
const IDS = ["messageId", "userId", "anonymousId", "groupId", "previousId"] as const;

/** @returns the same object if nothing had to be removed. */
export function withoutAdvertising(event: JsonObject): JsonObject {
  const stripped = stripClickIds(event);
  const context = isObject(stripped.context) ? stripContext(stripped.context) : stripped.context;
  if (stripped === event && context === event.context) return event;
  const allowed: JsonObject = { ...stripped, ...(context === undefined ? {} : { context }) };
  for (const name of IDS) if (event[name] !== undefined) allowed[name] = event[name];
  return allowed;
}
