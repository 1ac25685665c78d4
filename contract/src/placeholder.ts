// Lists the texts that programs write when they have no id. Many people share each of them, so an event with such an id is stored
// with a warning (`suspicious_user_id`) and is not linked to other devices. One list serves the warning and the linking, so that
// both agree. docs/API_DOCUMENTATION.md#answers.

const PLACEHOLDERS: ReadonlySet<string> = new Set([
  "null",
  "undefined",
  "nan",
  "none",
  "0",
  "-1",
  "true",
  "false",
  "anonymous",
  "guest",
  "unknown",
  "[object object]",
  "00000000-0000-0000-0000-000000000000",
]);
const LONGEST = 36;

/** Ignores case, and white space around the id. */
export function isPlaceholder(id: string): boolean {
  const trimmed = id.trim();
  return trimmed.length <= LONGEST && PLACEHOLDERS.has(trimmed.toLowerCase());
}
