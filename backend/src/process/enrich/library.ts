// Reads the library that sent the event: `name@version`, or the name alone.

import { objectAt, scalarText, textOrNull } from "./text.ts";

export function readLibrary(context: Record<string, unknown>): string | null {
  const library = objectAt(context, "library");
  const name = library === null ? null : textOrNull(library.name);
  if (library === null || name === null) return null;
  const version = scalarText(library.version);
  return version === null ? name : `${name}@${version}`;
}
