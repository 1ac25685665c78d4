// Finds the characters that the edge and the processor refuse in a text.

/** C0 control characters except tab, LF and CR. A text needs none of them, and NUL makes a Postgres batch fail. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/;

export function hasControl(text: string): boolean {
  return CONTROL.test(text);
}
