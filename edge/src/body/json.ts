// The one way to parse what a client sent. Routes that take more than a small body go through parse.ts, which takes out of the
// text what would cost too much before it comes here.

import { Refusal } from "../answer/refusal.ts";

/** @param text of a small body, or one that `lighten` has seen. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return new Refusal(text.trim() === "" ? "empty_body" : "invalid_json");
  }
}
