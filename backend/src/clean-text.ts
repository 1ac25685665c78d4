// One text made storable: Postgres takes neither NUL nor half a surrogate pair, and what is too long is cut. Pure.

import { hasControl, LIMITS } from "@behaviour/contract";

/** Those of `hasControl`. */
const CONTROLS = /[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g;

/** Well-formed, free of control characters, at most 8,192 UTF-16 units. */
export function cleanText(text: string): string {
  let clean = text;
  if (clean.length > LIMITS.stringLength) clean = clean.slice(0, LIMITS.stringLength);
  if (hasControl(clean)) clean = clean.replace(CONTROLS, "");
  // After the cut, which may have gone through a pair.
  return clean.isWellFormed() ? clean : clean.toWellFormed();
}
