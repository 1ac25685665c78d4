// Reads the client's own session id, `context.sessionId`: a text or (analytics-next, mobile SDKs) a number.

import { scalarText } from "./text.ts";

export function readSessionId(context: Record<string, unknown>): string | null {
  return scalarText(context.sessionId);
}
