// Parses the text of a client's body; no other code does. Routes that accept more than a small body go through parse.ts, which
// first removes the parts of the text that would cost too much.

import { Refusal } from "../answer/refusal.ts";

/** @param text of a small body, or of a body that `lighten` has processed. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return new Refusal(text.trim() === "" ? "empty_body" : "invalid_json");
  }
}
