// The outcome `restricted`: the event without click ids and advertising ids, in whatever field. The processor takes them out as
// well, but the raw stream keeps what the edge writes for a week. docs/API_DOCUMENTATION.md#consent, ADR 013.

import { isObject, type JsonObject, stripClickIds, stripContext } from "@behaviour/contract";

/** They become surrogates: nothing is taken out of them. */
const IDS = ["messageId", "userId", "anonymousId", "groupId", "previousId"] as const;

/** The same object when there was nothing to take out. */
export function withoutAdvertising(event: JsonObject): JsonObject {
  const stripped = stripClickIds(event);
  const context = isObject(stripped.context) ? stripContext(stripped.context) : stripped.context;
  if (stripped === event && context === event.context) return event;
  const allowed: JsonObject = { ...stripped, ...(context === undefined ? {} : { context }) };
  for (const name of IDS) if (event[name] !== undefined) allowed[name] = event[name];
  return allowed;
}
