// What the edge and the processor both refuse in a text.

/** C0 control characters save tab, LF and CR; none of them has a place in a text, and NUL voids a Postgres batch. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}
