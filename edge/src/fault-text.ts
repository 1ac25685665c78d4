// What a fault says of itself, for a line of the log: never what was sent. Messages of the runtime repeat the input they are
// about (`JSON.parse` a piece of the body, `fetch` a URL with its query), so those parts are left out. I6.

import { masked } from "./pii/masked.ts";

const MAX_CHARS = 300;
/** Longer messages are cut before anything looks at them. */
const MAX_READ_CHARS = 2_000;
const MAX_FRAMES = 8;

export function faultText(fault: unknown): string {
  // Its message is a piece of what could not be read.
  if (fault instanceof SyntaxError) return fault.name;
  const text = String(fault).slice(0, MAX_READ_CHARS);
  return masked(withOrigins(withoutQuoted(text)))
    .slice(0, MAX_CHARS)
    .toWellFormed();
}

/** Where it happened, without the message that a stack begins with. */
export function faultFrames(fault: unknown): string[] | undefined {
  const stack = fault instanceof Error ? fault.stack : undefined;
  const frames = stack?.split("\n").filter((line) => /^\s{1,8}at /.test(line));
  return frames?.slice(0, MAX_FRAMES).map((line) => line.trim());
}

const QUOTED = /"[^"]*"|`[^`]*`|(?<![A-Za-z])'[^']*'/g;

function withoutQuoted(text: string): string {
  return text.replace(QUOTED, "…");
}

/** Of a URL its scheme, host and port: what could not be reached. */
function withOrigins(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]{1,15}:\/\/[^\s/?#@]{1,255})[/?#@]\S*/gi, "$1/…");
}
