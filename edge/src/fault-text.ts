// Describes a fault for a log line, without any data that was sent. Messages of the runtime repeat their input (`JSON.parse` a
// piece of the body, `fetch` a URL with its query), so these parts are removed. I6.

import { masked } from "./pii/masked.ts";

const MAX_CHARS = 300;
/** Longer messages are cut before they are processed. */
const MAX_READ_CHARS = 2_000;
const MAX_FRAMES = 8;

export function faultText(fault: unknown): string {
  // The message of a SyntaxError contains a piece of the text that could not be parsed.
  if (fault instanceof SyntaxError) return fault.name;
  const text = String(fault).slice(0, MAX_READ_CHARS);
  return masked(withOrigins(withoutQuoted(text)))
    .slice(0, MAX_CHARS)
    .toWellFormed();
}

/** Where the fault happened: the stack without the message at its start. */
export function faultFrames(fault: unknown): string[] | undefined {
  const stack = fault instanceof Error ? fault.stack : undefined;
  const frames = stack?.split("\n").filter((line) => /^\s{1,8}at /.test(line));
  return frames?.slice(0, MAX_FRAMES).map((line) => line.trim());
}

const QUOTED = /"[^"]*"|`[^`]*`|(?<![A-Za-z])'[^']*'/g;

function withoutQuoted(text: string): string {
  return text.replace(QUOTED, "…");
}

/** Keeps the scheme, host and port of a URL, because they show what could not be reached. */
function withOrigins(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]{1,15}:\/\/[^\s/?#@]{1,255})[/?#@]\S*/gi, "$1/…");
}
