// Makes one text storable. Postgres accepts neither NUL nor half a surrogate pair. A text that is too long is cut. Pure.

import { hasControl, LIMITS } from "@behaviour/contract";

/** The characters that `hasControl` finds. */
const CONTROLS = /[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g;

/** Well-formed, free of control characters, at most 8,192 UTF-16 units. */
export function cleanText(text: string): string {
  let clean = text;
  if (clean.length > LIMITS.stringLength) clean = clean.slice(0, LIMITS.stringLength);
  if (hasControl(clean)) clean = clean.replace(CONTROLS, "");
  // After the cut, because the cut may have split a surrogate pair.
  return clean.isWellFormed() ? clean : clean.toWellFormed();
}
